"""Asking for trainings: a record in Kafka, known from then on by its place there."""

import re
from dataclasses import dataclass
from threading import Lock

from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition

from api.live.consuming import close, new_consumer
from clients.limits import within
from schemas.codecs import Message as Outgoing
from schemas.codecs import message_of, record_in
from schemas.errors import ContractMismatch, PoisonMessage, Transient
from schemas.predictions import TrainingRequest
from schemas.topics import TRAINING_REQUESTS

PATIENCE_S = 5.0
RECEIPT = r"^[0-9]{1,4}-[0-9]{1,15}$"


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where a request is in its topic."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}-{self.offset}"


def parse_receipt(text: str) -> Receipt:
    """Return the receipt of a text that `RECEIPT` matches.

    Raises:
        ValueError: It does not.
    """
    if not re.fullmatch(RECEIPT, text):
        raise ValueError(f"{text!r} is no receipt")
    partition, offset = text.split("-")
    return Receipt(int(partition), int(offset))


class Requests:
    """The topic of training requests."""

    def __init__(self, servers: str) -> None:
        self._servers = servers
        self._producer: Producer | None = None
        self._lock = Lock()

    def send(self, request: TrainingRequest) -> Receipt:
        """Store a request.

        Raises:
            Transient: Kafka does not take it.
        """
        sent: list[tuple[KafkaError | None, Message]] = []
        outgoing = message_of(request)
        # One at a time, so that what is purged is nobody else's.
        if not self._lock.acquire(timeout=PATIENCE_S):
            raise self._silent()
        try:
            self._produce(outgoing, sent)
        finally:
            self._lock.release()
        message = sent[0][1]
        return Receipt(message.partition() or 0, message.offset() or 0)

    def _produce(self, outgoing: Outgoing, sent: list[tuple[KafkaError | None, Message]]) -> None:
        producer = self._producer = self._producer or self._connected()
        try:
            producer.produce(
                TRAINING_REQUESTS.name,
                outgoing.value,
                key=outgoing.key,
                headers=list(outgoing.headers),
                on_delivery=lambda error, message: sent.append((error, message)),
            )
            producer.flush(PATIENCE_S)
        except (KafkaException, BufferError) as error:
            self._producer = None
            raise self._silent() from error
        if not sent or sent[0][0] is not None:
            producer.purge()
            self._producer = None  # it may be shut out for good: the next one is new
            raise self._silent()

    def find(self, receipt: Receipt) -> TrainingRequest | None:
        """Return the request of a receipt; None where Kafka does not have it (any more).

        Raises:
            Transient: Kafka does not answer.
        """
        try:
            return within(
                PATIENCE_S, f"Kafka at {self._servers} (a request)", lambda: self._find(receipt)
            )
        except KafkaException as error:
            raise self._silent() from error

    def _find(self, receipt: Receipt) -> TrainingRequest | None:
        consumer = new_consumer(self._servers)
        place = TopicPartition(TRAINING_REQUESTS.name, receipt.partition, receipt.offset)
        try:
            topics = consumer.list_topics(TRAINING_REQUESTS.name, timeout=PATIENCE_S).topics
            if receipt.partition not in topics[TRAINING_REQUESTS.name].partitions:
                return None
            low, high = consumer.get_watermark_offsets(place, timeout=PATIENCE_S)
            if not low <= receipt.offset < high:
                return None
            consumer.assign([place])
            return _request(consumer.poll(PATIENCE_S), receipt)
        finally:
            close(consumer)

    def _silent(self) -> Transient:
        return Transient(f"Kafka at {self._servers} does not answer")

    def _connected(self) -> Producer:
        return Producer(
            {
                "bootstrap.servers": self._servers,
                "enable.idempotence": True,
                "partitioner": "murmur2_random",
                "message.timeout.ms": int(PATIENCE_S * 1000),
                "log_level": 0,
            }
        )


def _request(message: Message | None, receipt: Receipt) -> TrainingRequest | None:
    if message is None or message.error() is not None:
        raise Transient("Kafka did not give the request")
    if message.offset() != receipt.offset:
        return None
    try:
        return record_in(TrainingRequest, message)
    except (PoisonMessage, ContractMismatch):
        return None
