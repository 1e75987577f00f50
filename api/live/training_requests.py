"""Training requests: stored as records in Kafka and identified by partition and offset."""

import re
from dataclasses import dataclass

from confluent_kafka import Message, TopicPartition

from api.live.consuming import close, new_consumer
from clients.kafka.offsets import partitions_of, span_of
from clients.kafka.records import place_of
from clients.kafka.writer import Writer
from clients.limits import within
from schemas.codecs import message_of, record_in
from schemas.errors import ContractMismatch, PoisonMessage, Transient
from schemas.predictions import TrainingRequest
from schemas.settings import KafkaSettings
from schemas.topics import TRAINING_REQUESTS

PATIENCE_S = 5.0
RECEIPT = r"^[0-9]{1,4}-[0-9]{1,15}$"


@dataclass(frozen=True, slots=True)
class Receipt:
    """Partition and offset of a request in its topic."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}-{self.offset}"


def parse_receipt(text: str) -> Receipt:
    """Parse the text of a receipt.

    Raises:
        ValueError: The text does not match `RECEIPT`.
    """
    if not re.fullmatch(RECEIPT, text):
        raise ValueError(f"{text!r} is not a receipt")
    partition, offset = text.split("-")
    return Receipt(int(partition), int(offset))


class Requests:
    """The topic of training requests."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._writer = Writer(kafka, answer_s=PATIENCE_S)

    def send(self, request: TrainingRequest) -> Receipt:
        """Write a request to Kafka.

        Raises:
            Transient: Kafka does not accept it.
            ConfigurationError: The topic does not exist.
        """
        stored = self._writer.put(TRAINING_REQUESTS.name, message_of(request))
        _, partition, offset = place_of(stored)
        return Receipt(partition, offset)

    def find(self, receipt: Receipt) -> TrainingRequest | None:
        """Return the request of a receipt; None if Kafka does not have it (any more).

        Raises:
            Transient: Kafka does not answer.
            ConfigurationError: The topic does not exist.
        """
        return within(
            PATIENCE_S,
            f"Kafka at {self._kafka.place} (a request)",
            lambda: self._find(receipt),
        )

    def _find(self, receipt: Receipt) -> TrainingRequest | None:
        consumer = new_consumer(self._kafka)
        place = TopicPartition(TRAINING_REQUESTS.name, receipt.partition, receipt.offset)
        try:
            there = partitions_of(consumer, place.topic, self._kafka, answer_s=PATIENCE_S)
            if receipt.partition not in there:
                return None
            low, high = span_of(consumer, place, self._kafka, answer_s=PATIENCE_S)
            if not low <= receipt.offset < high:
                return None
            consumer.assign([place])
            return _request(consumer.poll(PATIENCE_S), receipt)
        finally:
            close(consumer)


def _request(message: Message | None, receipt: Receipt) -> TrainingRequest | None:
    if message is None or message.error() is not None:
        raise Transient("Kafka did not return the request")
    if message.offset() != receipt.offset:
        return None
    try:
        return record_in(TrainingRequest, message)
    except (PoisonMessage, ContractMismatch):
        return None
