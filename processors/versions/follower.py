"""Every model event from the first one on, for each process that predicts; there is no group."""

import asyncio
import logging
from collections.abc import Callable

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from clients.kafka.dead_letters import DeadLetters
from clients.kafka.errors import meaning
from clients.process import leave
from processors.runtime.stopped_partitions import Standing
from processors.versions.schedule import Changes
from schemas import codecs, topics
from schemas.dead_letters import Origin, plain_headers
from schemas.errors import ContractMismatch, PoisonMessage, RestartNeeded, Transient
from schemas.predictions import ModelVersion
from schemas.settings import KafkaSettings

log = logging.getLogger(__name__)
_POLL_S = 0.5
_PATIENCE_S = 5.0
_MESSAGES = 500


class VersionFollower:
    """Keeps `Changes` up to date.

    Attributes:
        caught_up: Set once everything that was there has been read.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        changes: Changes,
        give_up: Callable[[str], None] = leave,
    ) -> None:
        """Set it up.

        Args:
            settings: Where the broker is.
            changes: To be kept up to date.
            give_up: Told why, when it can read no more.
        """
        self.caught_up = asyncio.Event()
        self._changes = changes
        self._give_up = give_up
        self._unread: set[int] = set()
        self._standing = Standing()
        self._trouble = ""
        self._letters = DeadLetters(settings.bootstrap_servers, reader=topics.PREDICTION_APP)
        self._consumer = Consumer(
            {
                "bootstrap.servers": settings.bootstrap_servers,
                "group.id": "candlewick-versions",  # never joined, nothing is committed
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,
                "log_level": 0,
            }
        )
        self._standing.read_by(self)

    async def follow(self) -> None:
        """Read for ever; where the broker is away, wait for it."""
        await self._begin()
        while True:
            for message in await asyncio.to_thread(self._consumer.consume, _MESSAGES, _POLL_S):
                await self._take(message)
            if not self._unread:
                self.caught_up.set()

    def stand_still(self, topic: str, partition: int, _offset: int) -> None:
        """Read no more of a partition."""
        self._consumer.pause([TopicPartition(topic, partition)])
        self._unread.discard(partition)

    def move_on(self) -> None:
        """Do nothing: partitions are assigned once."""

    async def _begin(self) -> None:
        while True:
            if await asyncio.to_thread(self._assign):
                return
            await asyncio.sleep(_POLL_S)

    def _assign(self) -> bool:
        name = topics.MODEL_VERSIONS.name
        try:
            found = self._consumer.list_topics(name, timeout=_PATIENCE_S).topics[name]
        except KafkaException as error:
            log.warning("the models' events cannot be read yet: %s", error)
            return False
        if found.error is not None:
            log.warning("topic %s does not exist yet: `candlewick topics create`", name)
            return False
        self._unread = set(found.partitions)
        self._consumer.assign([TopicPartition(name, p, 0) for p in sorted(self._unread)])
        return True

    async def _take(self, message: Message) -> None:
        error = message.error()
        if error is None:
            await self._learn(message)
        elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - so named
            self._unread.discard(message.partition() or 0)
        else:
            self._report(meaning(error, topic=topics.MODEL_VERSIONS.name))

    async def _learn(self, message: Message) -> None:
        place = _place(message)
        if self._standing.holds(*place[:2]):
            return
        try:
            self._changes.add(codecs.record_in(ModelVersion, message))
        except ContractMismatch as mismatch:
            self._standing.stop(*place, mismatch)
        except PoisonMessage as error:
            log.warning("passed over a model event at %s [%d] %d: %s", *place, error)
            # Each start reads all events: what was there before has been buried when it came.
            if self.caught_up.is_set():
                await self._bury(message, error)

    async def _bury(self, message: Message, error: PoisonMessage) -> None:
        origin = Origin(
            str(error),
            *_place(message),
            reader=self._letters.reader,
            key=message.key(),
            headers=plain_headers(message.headers()),
        )
        while True:
            try:
                await asyncio.to_thread(self._letters.send, error.raw, origin)
            except Transient as silent:
                self._report(silent)
                await asyncio.sleep(silent.retry_after_s)
            else:
                return

    def _report(self, error: Exception) -> None:
        if isinstance(error, RestartNeeded):
            self._give_up(str(error))
        if str(error) != self._trouble:
            log.warning("the models' events: %s", error)
        self._trouble = str(error)


def _place(message: Message) -> tuple[str, int, int]:
    return message.topic() or "", message.partition() or 0, message.offset() or 0
