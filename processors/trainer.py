"""The trainer: takes requests from their topic, one at a time, and tells what came of each.

A request is committed after its event has been acknowledged, so one that a crash interrupted is
done again; it leads to the same version.
"""

import logging
import signal
import threading
import time
from collections import deque
from collections.abc import Callable

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer

from processors.training_child import TrainingChild
from processors.training_request import failure, fault_of
from schemas import codecs, topics
from schemas.dead_letters import Origin, letter_of, plain_headers
from schemas.errors import PoisonMessage, Transient
from schemas.predictions import ModelVersion, TrainingRequest
from schemas.settings import Settings

log = logging.getLogger(__name__)
GROUP = "candlewick-trainer"
_POLL_S = 0.2
_PATIENCE_S = 30.0
_SESSION_MS = 6_000


class Trainer:
    """Reads on while it trains, so that it stays in its group however long that takes."""

    def __init__(self, settings: Settings, *, name: str) -> None:
        servers = settings.kafka.bootstrap_servers
        self._settings = settings
        self._waiting: deque[Message] = deque()
        self._producer = Producer(
            {
                "bootstrap.servers": servers,
                "partitioner": "murmur2_random",
                "enable.idempotence": True,
                "log_level": 0,
            }
        )
        self._consumer = Consumer(
            {
                "bootstrap.servers": servers,
                "group.id": GROUP,
                "group.instance.id": name,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "session.timeout.ms": _SESSION_MS,
                "heartbeat.interval.ms": 1_000,
                "log_level": 0,
            }
        )
        self._consumer.subscribe([topics.TRAINING_REQUESTS.name])

    def run(self, stopping: Callable[[], bool]) -> None:
        """Train what is asked for until it is told to stop; what is under way then is lost."""
        try:
            while not stopping():
                self._read(_POLL_S)
                if self._waiting:
                    self._take(self._waiting[0], stopping)
        finally:
            self._consumer.close()

    def _read(self, wait_s: float) -> None:
        message = self._consumer.poll(wait_s)
        if message is None:
            return
        error = message.error()
        if error is None:
            self._waiting.append(message)
        elif error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            log.warning("there is no topic for requests yet: `candlewick topics create`")

    def _take(self, message: Message, stopping: Callable[[], bool]) -> None:
        try:
            request = codecs.record_in(TrainingRequest, message)
        except PoisonMessage as error:
            sent = self._send_dead_letter(message, error)
        else:
            event = _refusal(request) or self._trained(request, stopping)
            sent = event is not None and self._tell(event)
        if sent:
            self._waiting.popleft()
            self._commit(message)

    def _trained(
        self, request: TrainingRequest, stopping: Callable[[], bool]
    ) -> ModelVersion | None:
        log.info("trains %s for %s", request.model, request.symbol or "all symbols")
        child = TrainingChild(self._settings, request)
        try:
            while not child.done(0):
                if stopping():
                    return None
                self._read(_POLL_S)
            return child.answer()
        except Transient as error:
            log.warning("%s; trying again", error)
            self._wait(error.retry_after_s, stopping)
            return None
        finally:
            child.close()

    def _wait(self, seconds: float, stopping: Callable[[], bool]) -> None:
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s and not stopping():
            self._read(_POLL_S)

    def _tell(self, event: ModelVersion) -> bool:
        log.info("%s %s %s: %s", event.model, event.version, event.event, event.reason)
        return self._send(topics.MODEL_VERSIONS.name, codecs.message_of(event))

    def _send_dead_letter(self, message: Message, error: PoisonMessage) -> bool:
        place = message.topic() or "", message.partition() or 0, message.offset() or 0
        headers = plain_headers(message.headers())
        origin = Origin(str(error), *place, reader=GROUP, key=message.key(), headers=headers)
        log.warning("a request at %s cannot be read: it goes to the dead letters", place)
        return self._send(topics.DEAD_LETTERS.name, letter_of(error.raw, origin))

    def _send(self, topic: str, message: codecs.Message) -> bool:
        refused: list[KafkaError | None] = []
        self._producer.produce(
            topic,
            message.value,
            message.key,
            headers=list(message.headers),
            on_delivery=lambda e, _: refused.append(e),
        )
        self._producer.flush(_PATIENCE_S)
        if refused == [None]:
            return True
        self._producer.purge()
        log.warning("Kafka does not take what there is to tell; the request is done again")
        return False

    def _commit(self, message: Message) -> None:
        try:
            self._consumer.commit(message=message, asynchronous=False)
        except KafkaException as error:
            log.warning("a request is done but not committed, so it comes again: %s", error)


def _refusal(request: TrainingRequest) -> ModelVersion | None:
    fault = fault_of(request)
    return failure(request, fault, time.time_ns() // 1_000_000) if fault else None


def run(settings: Settings, *, name: str) -> None:
    """Train until a signal ends it."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    logging.basicConfig(
        level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    Trainer(settings, name=name).run(stopping.is_set)
