"""Publishes the trainer's model events, and its unreadable requests as dead letters."""

from typing import Final

from clients.kafka.dead_letters import DeadLetters
from clients.kafka.records import Message, place_of
from clients.kafka.writer import Writer
from clients.watching.log import EventLog
from processors.metrics import TRAININGS
from schemas import codecs, topics
from schemas.errors import CandlewickError, PoisonMessage, Transient
from schemas.predictions import ModelVersion
from schemas.settings import KafkaSettings

_log: Final = EventLog(__name__)


class TrainingOutlet:
    """Sends one record at a time and waits for Kafka's acknowledgement."""

    def __init__(self, kafka: KafkaSettings, *, reader: str) -> None:
        """Open the producers.

        Args:
            kafka: Where the brokers are, and how to sign in.
            reader: Consumer group that met an unreadable request, for its dead letter.
        """
        self._letters = DeadLetters(kafka, reader=reader)
        self._writer = Writer(kafka)

    def tell(self, event: ModelVersion) -> bool:
        """Send an event, and return whether Kafka has it."""
        _log.info(
            "model_event",
            "{model} {version} {what}: {reason}",
            model=event.model,
            version=event.version,
            what=event.event,
            reason=event.reason,
        )
        try:
            self._writer.put(topics.MODEL_VERSIONS.name, codecs.message_of(event))
        except CandlewickError as error:
            _log.warning("training_repeated", "the request will be repeated: {error}", error=error)
            return False
        TRAININGS.labels(event.event).inc()
        return True

    def bury(self, message: Message, error: PoisonMessage) -> bool:
        """Send an unreadable request to the dead letters, and return whether Kafka has it."""
        place = place_of(message)
        _log.warning(
            "training_request_buried",
            "a request at {topic} [{partition}] {offset} cannot be read: it goes to the dead "
            "letters",
            topic=place[0],
            partition=place[1],
            offset=place[2],
        )
        try:
            self._letters.bury(error, message)
        except Transient as silent:
            _log.warning("training_retried", "{error}; trying again", error=silent)
            return False
        return True
