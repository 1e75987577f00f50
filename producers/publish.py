"""Records to Kafka: in order, acknowledged by all replicas, never twice, with bounded memory."""

import logging
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from schemas import topics
from schemas.codecs import Message as Outgoing
from schemas.codecs import message_of
from schemas.dead_letters import Origin, letter_of
from schemas.errors import ConfigurationError, Transient
from schemas.market import Candle, Gap, TradeBlock

log = logging.getLogger(__name__)
TOPICS: Final = {TradeBlock: topics.TRADES, Candle: topics.KLINES, Gap: topics.GAPS}
LOG_CRITICAL: Final = 2  # the client would tell of every attempt to connect
QUEUE_BYTES: Final = 32 * 1024 * 1024  # half an hour of a busy market
QUEUE_MESSAGES: Final = 50_000
WITHOUT_TOPIC: Final = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC)  # noqa: SLF001 - their name for it


class Publisher:
    """The one producer of this process.

    A record that Kafka refuses for good stops the process: the next start resumes at the last
    block that Kafka has, so nothing is lost. An absent Kafka does not: the queue fills, `send`
    says so, and the queue is delivered when Kafka is back, however long that takes.
    """

    def __init__(self, bootstrap_servers: str) -> None:
        self._servers = bootstrap_servers
        self._failure: KafkaError | None = None
        self._queued_bytes = 0
        self._away = False
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap_servers,
                "client.id": "candlewick-producer",
                "enable.idempotence": True,
                "acks": "all",
                "compression.type": "lz4",
                "partitioner": "murmur2_random",  # as Faust's: a symbol has one partition
                "linger.ms": 2,
                "message.timeout.ms": 0,
                "queue.buffering.max.kbytes": 4 * QUEUE_BYTES // 1024,
                "queue.buffering.max.messages": QUEUE_MESSAGES,
                "reconnect.backoff.max.ms": 1000,
                "error_cb": self._on_error,
                "log_level": LOG_CRITICAL,
            }
        )

    def send(self, record: TradeBlock | Candle | Gap) -> bool:
        """Queue a record for its topic; False when the queue is full."""
        if self._queued_bytes >= QUEUE_BYTES:
            return False
        return self._produce(TOPICS[type(record)].name, message_of(record))

    def send_dead_letter(self, raw: bytes, origin: Origin) -> bool:
        """Queue an unreadable record for the dead letters; False when the queue is full."""
        return self._produce(topics.DEAD_LETTERS.name, letter_of(raw, origin))

    def serve(self) -> None:
        """Take note of acknowledgements; to be called often.

        Raises:
            ConfigurationError: A topic does not exist.
            Transient: Kafka refused a record for good: start again, and resume.
        """
        self._producer.poll(0)
        if self._failure is None:
            return
        if self._failure.code() in WITHOUT_TOPIC:
            raise ConfigurationError(
                f"a topic is missing at {self._servers}: create the topics with `candlewick up`"
            )
        raise Transient(f"Kafka refused a record: {self._failure.str()}")

    def close(self, timeout_s: float) -> int:
        """Deliver what is queued; returns how many records were not acknowledged in time."""
        return self._producer.flush(timeout_s)

    def _produce(self, topic: str, message: Outgoing) -> bool:
        try:
            self._producer.produce(
                topic,
                value=message.value,
                key=message.key,
                headers=list(message.headers),
                on_delivery=self._on_delivery,
            )
        except BufferError:
            return False
        except KafkaException as error:
            self._failure = error.args[0]
            return False
        self._queued_bytes += len(message.value)
        return True

    def _on_delivery(self, error: KafkaError | None, message: Message) -> None:
        self._queued_bytes -= len(message.value() or b"")
        if error is not None:
            self._failure = error
        elif self._away:
            self._away = False
            log.info("Kafka answers again")

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._failure = error
        elif error.code() == KafkaError._ALL_BROKERS_DOWN and not self._away:  # noqa: SLF001 - their name for it
            self._away = True
            log.warning("Kafka at %s does not answer: trades wait for it", self._servers)
