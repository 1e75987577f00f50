"""Publisher of records: in order, acknowledged by all replicas, never twice, in bounded memory."""

from collections import Counter
from functools import partial
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message

from clients.kafka.errors import BROKERS_DOWN, meaning, no_answer
from clients.kafka.opening import Packing, open_producer
from clients.watching.log import EventLog
from clients.watching.metrics import DEAD_LETTERS, count_dead_letters
from producers.unacknowledged import Unacknowledged
from schemas import topics
from schemas.codecs import Message as Outgoing
from schemas.codecs import message_of
from schemas.dead_letters import Origin, letter_of
from schemas.errors import ConfigurationError, RestartNeeded
from schemas.market import Candle, Gap, GapState, TradeBlock
from schemas.settings import KafkaSettings
from schemas.symbols import SymbolChoice

_log = EventLog(__name__)
TOPICS: Final = {
    TradeBlock: topics.TRADES,
    Candle: topics.KLINES,
    Gap: topics.GAPS,
    SymbolChoice: topics.SYMBOLS,
}
READER: Final = "stream"
QUEUE_BYTES: Final = 32 * 1024 * 1024  # half an hour of a busy market
QUEUE_MESSAGES: Final = 50_000


class Publisher:
    """The only Kafka producer of this process.

    A record that Kafka refuses for good stops the process: the next start resumes after the last
    block that Kafka has, so nothing is lost. An unreachable Kafka does not stop it: the queue
    fills, `send` returns False, and the queue is delivered once Kafka is back.

    Trades and gap events of a symbol are in two topics, and a start believes what it finds there.
    So a gap is told as repaired once its trades are acknowledged, and trades go on behind one that
    is given up once that is: a process that dies in between has said nothing that is not so.

    Attributes:
        records: What is under way, and how much was acknowledged or refused.
    """

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._failure: KafkaError | None = None
        self._failed_topic = ""
        self._queued_bytes = 0
        self._away = False
        self._blocks: Counter[bytes] = Counter()  # by key, those that are not acknowledged yet
        self._gives_up: Counter[bytes] = Counter()  # likewise, of events behind which trades go on
        self.records = Unacknowledged()
        count_dead_letters(READER)
        self._producer = open_producer(
            kafka,
            name="candlewick-producer",
            packing=Packing(
                linger_ms=2, queue_records=QUEUE_MESSAGES, queue_kib=4 * QUEUE_BYTES // 1024
            ),
            on_error=self._on_error,
        )

    def send(self, record: TradeBlock | Candle | Gap | SymbolChoice) -> bool:
        """Queue a record for its topic; False while the queue is full, or another must come first.

        A record that cannot be true becomes a dead letter, so that later ones are not blocked.
        """
        if self._queued_bytes >= QUEUE_BYTES:
            return False
        name = TOPICS[type(record)].name
        try:
            message = message_of(record)
        except ValueError as error:
            _log.exception("record_refused", "a record for {topic} is refused", error, topic=name)
            origin = Origin(f"refused before it went to {name}: {error}", reader=READER)
            return self.send_dead_letter(repr(record).encode(), origin)
        if isinstance(record, TradeBlock):
            return not self._gives_up[message.key] and self._produce(name, message, self._blocks)
        if not isinstance(record, Gap) or record.state == GapState.FOUND:
            return self._produce(name, message)
        if record.state == GapState.REPAIRED:
            return not self._blocks[message.key] and self._produce(name, message)
        return self._produce(name, message, self._gives_up)

    def send_dead_letter(self, raw: bytes, origin: Origin) -> bool:
        """Queue an unusable record for the dead-letter topic; False while the queue is full.

        A letter that Kafka refuses is logged; the process continues.
        """
        is_queued = self._produce(topics.DEAD_LETTERS.name, letter_of(raw, origin))
        DEAD_LETTERS.labels(READER).inc(is_queued)
        return is_queued

    def serve(self) -> None:
        """Process acknowledgements; call it often.

        Raises:
            ConfigurationError: A topic does not exist.
            RestartNeeded: Kafka has shut this client out, or refused a record for good: a new
                process resumes after the last record that Kafka has.
        """
        self._producer.poll(0)
        if self._failure is None:
            return
        found = meaning(self._failure, topic=self._failed_topic, place=self._kafka.place)
        if isinstance(found, ConfigurationError | RestartNeeded):
            raise found
        raise RestartNeeded(f"Kafka refused a record of {self._failed_topic}: {found}")

    def close(self, timeout_s: float) -> int:
        """Deliver the queue; returns the number of records not acknowledged in time."""
        return self._producer.flush(timeout_s)

    def _produce(
        self, topic: str, message: Outgoing, under_way: Counter[bytes] | None = None
    ) -> bool:
        try:
            self._producer.produce(
                topic,
                value=message.value,
                key=message.key,
                headers=list(message.headers),
                on_delivery=partial(self._on_delivery, under_way),
            )
        except BufferError:
            return False
        except KafkaException as error:
            return self._fail(error.args[0], topic)
        self._queued_bytes += len(message.value)
        self.records.sent(topic, message.key or b"")
        if under_way is not None:
            under_way[message.key] += 1
        return True

    def _fail(self, error: KafkaError, topic: str) -> bool:
        """Handle a record that Kafka refused; True if the process can continue."""
        refused = not isinstance(meaning(error), ConfigurationError | RestartNeeded)
        if topic == topics.DEAD_LETTERS.name and refused:
            _log.error(
                "dead_letter_refused", "Kafka refuses a dead letter: {error}", error=error.str()
            )
            return True
        self._failure, self._failed_topic = error, topic
        return False

    def _on_delivery(
        self, under_way: Counter[bytes] | None, error: KafkaError | None, message: Message
    ) -> None:
        if under_way is not None:
            under_way[message.key() or b""] -= 1
        self._queued_bytes -= len(message.value() or b"")
        self.records.acknowledged(message.topic() or "", message.key() or b"")
        if error is not None:
            self._fail(error, message.topic() or "")
        elif self._away:
            self._away = False
            _log.info("kafka_back", "Kafka answers again")

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._failure = error
        elif error.code() == BROKERS_DOWN and not self._away:
            self._away = True
            _log.warning(
                "kafka_away", "{reason}; trades wait for it", reason=no_answer(self._kafka.place)
            )
