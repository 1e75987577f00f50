"""The trainer: handles training requests one at a time and publishes the result of each.

A request is committed only after its event has been acknowledged. A request interrupted by a crash
is therefore repeated, and leads to the same version.
"""

import time
from collections import deque
from collections.abc import Callable

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from clients.clock import steady_ms
from clients.kafka.commits import Commits
from clients.kafka.errors import ANSWER_S, meaning
from clients.kafka.group import GroupOffsets, Place
from clients.kafka.member_name import MemberName
from clients.kafka.opening import Membership, open_member
from clients.kafka.records import place_of
from clients.kafka.unread import Unread
from clients.limits import within
from clients.process import Ending, Progress, leave
from clients.watching.log import EventLog
from clients.watching.metrics import RETRIES
from processors.runtime.stopped_partitions import Standing
from processors.training.child import TrainingChild
from processors.training.events import TrainingOutlet
from processors.training.request import failure, fault_of
from schemas import codecs, topics
from schemas.errors import ContractMismatch, PoisonMessage, RestartNeeded, Transient
from schemas.predictions import ModelVersion, TrainingRequest
from schemas.settings import Settings

_log = EventLog(__name__)
GROUP = "candlewick-trainer"
_POLL_S = 0.2
_CLOSE_S = 10.0
_HELD_UP_MS = 5_000  # a poll takes a fraction of a second
_STALL_S = 60.0  # more than any call may take; a training polls all the time


class Trainer:
    """Polls Kafka while it trains, so that it stays in its group however long that takes.

    Attributes:
        attempted: Called after each poll, whether it succeeded or not.
    """

    def __init__(self, settings: Settings, *, name: str) -> None:
        kafka = settings.kafka
        self.attempted: Callable[[], None] = lambda: None
        self._settings = settings
        self._waiting: deque[Message] = deque()
        self._trouble = ""
        self._outlet = TrainingOutlet(kafka, reader=GROUP)
        self._consumer = open_member(kafka, Membership(GROUP, instance=name))
        self._commits = Commits(self._consumer)
        self._standing = Standing()
        self._read_to: dict[Place, int] = {}
        self._all_read_ms = 0
        self._consumer.subscribe(
            [topics.TRAINING_REQUESTS.name],
            on_assign=self._assigned,
            on_revoke=self._released,
            on_lost=self._released,
        )

    def read_to(self) -> dict[Place, int]:
        """Return the newest offset read of each partition; from any thread.

        It is empty while there are requests to handle: a training is not given up for the next.
        """
        if self._waiting or steady_ms() - self._all_read_ms >= _HELD_UP_MS:
            return {}
        places = [*self._read_to.items()]
        return {place: at for place, at in places if not self._standing.holds(*place)}

    def run(self, stopping: Callable[[], bool]) -> None:
        """Handle requests until ``stopping`` returns True; a training in progress is then lost.

        Raises:
            RestartNeeded: A Kafka client can no longer work.
        """
        try:
            while not stopping():
                self._read(_POLL_S)
                if self._waiting:
                    self._take(self._waiting[0], stopping)
        finally:
            self._close()

    def stand_still(self, topic: str, partition: int, _offset: int) -> None:
        """Stop reading a partition."""
        self._consumer.pause([TopicPartition(topic, partition)])

    def move_on(self) -> None:
        """Drop waiting requests after a new assignment."""
        self._waiting.clear()

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._standing.read_by(self)
        try:
            committed = consumer.committed(partitions, timeout=ANSWER_S)
        except KafkaException:
            return  # what is not known is watched once it was read
        self._read_to = {(p.topic, p.partition): max(p.offset, 0) - 1 for p in committed}

    def _released(self, _consumer: Consumer, _partitions: list[TopicPartition]) -> None:
        self._read_to = {}

    def _read(self, wait_s: float) -> None:
        message = self._consumer.poll(wait_s)
        self.attempted()
        if message is None:
            self._all_read_ms = steady_ms()
            return
        error = message.error()
        if error is None:
            self._trouble = ""
            self._waiting.append(message)
            topic, partition, offset = place_of(message)
            self._read_to[topic, partition] = offset
            return
        cause = meaning(error, topic=topics.TRAINING_REQUESTS.name)
        if isinstance(cause, RestartNeeded):
            raise cause
        self._report(cause)

    def _report(self, error: Exception) -> None:
        RETRIES.labels("training").inc()
        if str(error) != self._trouble:
            _log.warning("training_retried", "{error}; trying again", error=error)
        self._trouble = str(error)

    def _take(self, message: Message, stopping: Callable[[], bool]) -> None:
        place = place_of(message)
        if self._standing.holds(*place[:2]):
            self._waiting.popleft()
            return
        try:
            request = codecs.record_in(TrainingRequest, message)
        except PoisonMessage as error:
            done = self._outlet.bury(message, error)
        except ContractMismatch as mismatch:
            self._standing.stop(*place, mismatch)
            return
        else:
            event = _refusal(request) or self._trained(request, stopping)
            done = event is not None and self._outlet.tell(event)
        if done:
            self._finish(message)

    def _trained(
        self, request: TrainingRequest, stopping: Callable[[], bool]
    ) -> ModelVersion | None:
        _log.info(
            "training_began",
            "trains {model} for {symbols}",
            model=request.model,
            symbols=request.symbol or "all symbols",
        )
        child = TrainingChild(self._settings, request)
        try:
            while not child.done(0):
                if stopping():
                    return None
                self._read(_POLL_S)
            return child.answer()
        except Transient as error:
            _log.warning("training_retried", "{error}; trying again", error=error)
            self._wait(error.retry_after_s, stopping)
            return None
        finally:
            child.close()

    def _wait(self, seconds: float, stopping: Callable[[], bool]) -> None:
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s and not stopping():
            self._read(_POLL_S)

    def _finish(self, message: Message) -> None:
        topic, partition, offset = place = place_of(message)
        if self._waiting and place_of(self._waiting[0]) == place:  # unless reassigned meanwhile
            self._waiting.popleft()
        try:
            self._commits.commit([TopicPartition(topic, partition, offset + 1)])
        except Transient as error:
            _log.warning(
                "training_repeated",
                "a request is done but not committed, so it is repeated: {error}",
                error=error,
            )

    def _close(self) -> None:
        try:
            within(_CLOSE_S, "Kafka (leaving the group)", self._consumer.close)
        except Transient as error:
            raise RestartNeeded(str(error)) from error


def _refusal(request: TrainingRequest) -> ModelVersion | None:
    fault = fault_of(request)
    return failure(request, fault, time.time_ns() // 1_000_000) if fault else None


def run(settings: Settings, *, name: str) -> None:
    """Run the trainer until a signal ends it or a Kafka client can no longer work.

    Raises:
        ConfigurationError: Another process is alive under this name.
    """
    ending = Ending()
    ending.watch()
    member = MemberName(settings.kafka, GROUP, name, settings.data_dir)
    member.take()
    trainer = Trainer(settings, name=name)
    progress = Progress(_STALL_S)
    trainer.attempted = progress.attempted
    progress.watch()
    Unread(GroupOffsets(settings.kafka), trainer.read_to).watch()
    try:
        trainer.run(ending.is_asked)
    except RestartNeeded as error:
        member.lost()
        leave(str(error))
