"""Reads all model events from the first one on, in every predictor, without a consumer group."""

import asyncio
from collections.abc import Callable

from confluent_kafka import Message, TopicPartition

from clients.kafka.dead_letters import DeadLetters
from clients.kafka.errors import PARTITION_END, meaning
from clients.kafka.offsets import partitions_of
from clients.kafka.opening import open_reader
from clients.kafka.records import place_of
from clients.kafka.unread import ReadSoFar
from clients.process import leave
from clients.watching.log import EventLog
from processors.runtime.stopped_partitions import Standing
from processors.versions.schedule import ModelSchedule
from schemas import codecs, topics
from schemas.errors import (
    CandlewickError,
    ContractMismatch,
    PoisonMessage,
    RestartNeeded,
    Transient,
)
from schemas.predictions import ModelVersion
from schemas.settings import KafkaSettings

_log = EventLog(__name__)
_POLL_S = 0.5
_PATIENCE_S = 5.0
_MESSAGES = 500


class VersionFollower:
    """Keeps `ModelSchedule` up to date.

    Attributes:
        caught_up: Set once all events that existed at the start have been read.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        changes: ModelSchedule,
        give_up: Callable[[str], None] = leave,
    ) -> None:
        """Open the consumer.

        Args:
            settings: Address of the broker.
            changes: The changes to keep up to date.
            give_up: Called with the reason when reading is no longer possible.
        """
        self.caught_up = asyncio.Event()
        self._changes = changes
        self._give_up = give_up
        self._unread: set[int] = set()
        self._standing = Standing()
        self._trouble = ""
        self._letters = DeadLetters(settings, reader=topics.PREDICTION_APP)
        self._kafka = settings
        self._so_far = ReadSoFar(settings)
        self._consumer = open_reader(self._kafka, "candlewick-versions", tells_ends=True)
        self._standing.read_by(self)

    async def follow(self) -> None:
        """Read for ever; wait while the broker is unavailable."""
        await self._begin()
        self._so_far.watch()
        try:
            while True:
                await self._read()
        finally:
            self._so_far.stop()

    async def _read(self) -> None:
        messages = await asyncio.to_thread(self._consumer.consume, _MESSAGES, _POLL_S)
        for message in messages:
            await self._take(message)
        if len(messages) < _MESSAGES:
            self._so_far.all_read()
        if not self._unread:
            self.caught_up.set()
        if self._so_far.stuck is not None:
            self._give_up(self._so_far.stuck)

    def stand_still(self, topic: str, partition: int, _offset: int) -> None:
        """Stop reading a partition."""
        self._consumer.pause([TopicPartition(topic, partition)])
        self._unread.discard(partition)
        self._so_far.leave_out(topic, partition)

    def move_on(self) -> None:
        """Do nothing, because partitions are assigned only once."""

    async def _begin(self) -> None:
        while True:
            if await asyncio.to_thread(self._assign):
                return
            await asyncio.sleep(_POLL_S)

    def _assign(self) -> bool:
        name = topics.MODEL_VERSIONS.name
        try:
            found = partitions_of(self._consumer, name, self._kafka, answer_s=_PATIENCE_S)
        except CandlewickError as error:
            self._report(error)
            return False
        self._unread = set(found)
        self._so_far.begin(TopicPartition(name, p, 0) for p in found)
        self._consumer.assign(self._so_far.places())
        return True

    async def _take(self, message: Message) -> None:
        error = message.error()
        if error is None:
            await self._learn(message)
        elif error.code() == PARTITION_END:
            self._unread.discard(message.partition() or 0)
        else:
            self._report(meaning(error, topic=message.topic() or "", place=self._kafka.place))

    async def _learn(self, message: Message) -> None:
        place = place_of(message)
        if self._standing.holds(*place[:2]):
            return
        self._so_far.passed(message)
        try:
            self._changes.add(codecs.record_in(ModelVersion, message))
        except ContractMismatch as mismatch:
            self._standing.stop(*place, mismatch)
        except PoisonMessage as error:
            _log.warning(
                "model_event_passed_over",
                "passed over a model event at {topic} [{partition}] {offset}: {error}",
                topic=place[0],
                partition=place[1],
                offset=place[2],
                error=error,
            )
            # Each start reads all events; old unreadable ones already have their dead letters.
            if self.caught_up.is_set():
                await self._bury(message, error)

    async def _bury(self, message: Message, error: PoisonMessage) -> None:
        while True:
            try:
                await asyncio.to_thread(self._letters.bury, error, message)
            except Transient as silent:
                self._report(silent)
                await asyncio.sleep(silent.retry_after_s)
            else:
                return

    def _report(self, error: Exception) -> None:
        if isinstance(error, RestartNeeded):
            self._give_up(str(error))
        if str(error) != self._trouble:
            _log.warning("model_events_unread", "the models' events: {error}", error=error)
        self._trouble = str(error)
