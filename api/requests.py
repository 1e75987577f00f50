"""Asking for trainings: a record in Kafka, known from then on by its place there."""

import re
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition

from api.live.consuming import close, new_consumer
from schemas.codecs import message_of, record_in
from schemas.errors import PoisonMessage, Transient
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

    def send(self, request: TrainingRequest) -> Receipt:
        """Store a request.

        Raises:
            Transient: Kafka does not take it.
        """
        sent: list[tuple[KafkaError | None, Message]] = []
        producer = self._connected()
        outgoing = message_of(request)
        producer.produce(
            TRAINING_REQUESTS.name,
            outgoing.value,
            key=outgoing.key,
            headers=list(outgoing.headers),
            on_delivery=lambda error, message: sent.append((error, message)),
        )
        producer.flush(PATIENCE_S)
        if not sent or sent[0][0] is not None:
            producer.purge()
            raise Transient(f"Kafka at {self._servers} did not take the request")
        message = sent[0][1]
        return Receipt(message.partition() or 0, message.offset() or 0)

    def find(self, receipt: Receipt) -> TrainingRequest | None:
        """Return the request of a receipt; None where Kafka does not have it (any more).

        Raises:
            Transient: Kafka does not answer.
        """
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
            message = consumer.poll(PATIENCE_S)
            return _request(message, receipt)
        except KafkaException as error:
            raise Transient(f"Kafka at {self._servers} does not answer") from error
        finally:
            close(consumer)

    def _connected(self) -> Producer:
        if self._producer is None:
            self._producer = Producer(
                {
                    "bootstrap.servers": self._servers,
                    "enable.idempotence": True,
                    "partitioner": "murmur2_random",
                    "message.timeout.ms": int(PATIENCE_S * 1000),
                    "log_level": 0,
                }
            )
        return self._producer


def _request(message: Message | None, receipt: Receipt) -> TrainingRequest | None:
    if message is None or message.error() is not None:
        raise Transient("Kafka did not give the request")
    if message.offset() != receipt.offset:
        return None
    try:
        return record_in(TrainingRequest, message)
    except PoisonMessage:
        return None
