"""One record at a time to Kafka, each until it is acknowledged or given up."""

from threading import Lock

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from clients.kafka.errors import ANSWER_S, cause_of, is_refused, meaning, no_answer
from clients.kafka.opening import open_producer
from schemas import codecs
from schemas.errors import CandlewickError, PoisonMessage, RestartNeeded, Transient
from schemas.settings import KafkaSettings
from schemas.topics import Topic


class Writer:
    """Writes from any thread, one record after the other: what is purged is nobody else's.

    A producer that had no answer may be shut out for good: the next record has a new one.
    """

    def __init__(self, kafka: KafkaSettings, *, answer_s: float = ANSWER_S) -> None:
        """Set it up; nothing is asked yet.

        Args:
            kafka: Where the brokers are, and how to sign in.
            answer_s: How long a record may take. One that was given up is not sent later.
        """
        self._kafka = kafka
        self._answer_s = answer_s
        self._producer: Producer | None = None
        self._lock = Lock()

    def put(self, topic: str, message: codecs.Message) -> Message:
        """Store one record; returns it as Kafka has it, with its place.

        Raises:
            Transient: Kafka does not take it now.
            PoisonMessage: Kafka refuses it for what it is; again it would be the same.
            ConfigurationError: The topic does not exist.
        """
        if not self._lock.acquire(timeout=self._answer_s):
            raise no_answer(self._kafka.place)
        try:
            return self._put(topic, message)
        except KafkaException as error:
            raise self._meaning(cause_of(error), topic, message) from error
        finally:
            self._lock.release()

    def _put(self, topic: str, message: codecs.Message) -> Message:
        done: list[tuple[KafkaError | None, Message]] = []
        producer = self._producer = self._producer or open_producer(
            self._kafka, patience_s=self._answer_s
        )
        producer.produce(
            topic,
            message.value,
            message.key,
            headers=list(message.headers),
            on_delivery=lambda error, stored: done.append((error, stored)),
        )
        producer.flush(self._answer_s)
        if not done:
            producer.purge()
            self._producer = None
            raise no_answer(self._kafka.place)
        error, stored = done[0]
        if error is not None:
            raise KafkaException(error)
        return stored

    def _meaning(self, error: KafkaError, topic: str, message: codecs.Message) -> CandlewickError:
        if is_refused(error):
            return PoisonMessage(f"Kafka refuses the record: {error.str()}", raw=message.value)
        self._producer = None
        found = meaning(error, topic=topic, place=self._kafka.place)
        # Who is shut out needs no new process here, only a new producer.
        return Transient(str(found)) if isinstance(found, RestartNeeded) else found


def write(kafka: KafkaSettings, topic: Topic, record: codecs.Record) -> None:
    """Store one record, and return when the broker has it; raises as `Writer.put` does."""
    Writer(kafka).put(topic.name, codecs.message_of(record))
