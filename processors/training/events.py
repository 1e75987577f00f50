"""Publishes the trainer's model events, and its unreadable requests as dead letters."""

import logging
from typing import Final

from clients.kafka.dead_letters import DeadLetters
from clients.kafka.records import Message, place_of
from clients.kafka.writer import Writer
from schemas import codecs, topics
from schemas.errors import CandlewickError, PoisonMessage, Transient
from schemas.predictions import ModelVersion

log: Final = logging.getLogger(__name__)


class TrainingOutlet:
    """Sends one record at a time and waits for Kafka's acknowledgement."""

    def __init__(self, bootstrap_servers: str, *, reader: str) -> None:
        """Open the producers.

        Args:
            bootstrap_servers: Brokers, host:port, comma separated.
            reader: Consumer group that met an unreadable request, for its dead letter.
        """
        self._letters = DeadLetters(bootstrap_servers, reader=reader)
        self._writer = Writer(bootstrap_servers)

    def tell(self, event: ModelVersion) -> bool:
        """Send an event, and return whether Kafka has it."""
        log.info("%s %s %s: %s", event.model, event.version, event.event, event.reason)
        try:
            self._writer.put(topics.MODEL_VERSIONS.name, codecs.message_of(event))
        except CandlewickError as error:
            log.warning("the request will be repeated: %s", error)
            return False
        return True

    def bury(self, message: Message, error: PoisonMessage) -> bool:
        """Send an unreadable request to the dead letters, and return whether Kafka has it."""
        place = place_of(message)
        log.warning("a request at %s [%d] %d cannot be read: it goes to the dead letters", *place)
        try:
            self._letters.bury(error, message)
        except Transient as silent:
            log.warning("%s; trying again", silent)
            return False
        return True
