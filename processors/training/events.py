"""What the trainer tells: events of models, and requests that cannot be read."""

import logging
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from clients.kafka.dead_letters import DeadLetters
from clients.kafka.errors import ANSWER_S, meaning
from schemas import codecs, topics
from schemas.dead_letters import Origin, plain_headers
from schemas.errors import PoisonMessage, RestartNeeded, Transient
from schemas.predictions import ModelVersion

log: Final = logging.getLogger(__name__)


class TrainingOutlet:
    """Sends one record at a time, and knows whether Kafka has it."""

    def __init__(self, bootstrap_servers: str, *, reader: str) -> None:
        """Set it up.

        Args:
            bootstrap_servers: Brokers, host:port, comma separated.
            reader: Who met what cannot be read.
        """
        self._letters = DeadLetters(bootstrap_servers, reader=reader)
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap_servers,
                "partitioner": "murmur2_random",
                "enable.idempotence": True,
                "log_level": 0,
            }
        )

    def tell(self, event: ModelVersion) -> bool:
        """Send an event; tells whether Kafka has it.

        Raises:
            RestartNeeded: The producer is shut out.
        """
        log.info("%s %s %s: %s", event.model, event.version, event.event, event.reason)
        message = codecs.message_of(event)
        answers: list[KafkaError | None] = []
        try:
            self._producer.produce(
                topics.MODEL_VERSIONS.name,
                message.value,
                message.key,
                headers=list(message.headers),
                on_delivery=lambda error, _: answers.append(error),
            )
            self._producer.flush(ANSWER_S)
        except KafkaException as failure:
            answers.append(failure.args[0])
        if answers == [None]:
            return True
        self._producer.purge()
        causes = [meaning(error) for error in answers if error is not None]
        for cause in causes:
            if isinstance(cause, RestartNeeded):
                raise cause
        log.warning("Kafka does not take what there is to tell; the request is done again")
        return False

    def bury(self, message: Message, error: PoisonMessage) -> bool:
        """Send a request that cannot be read to the dead letters; tells whether it is done."""
        place = place_of(message)
        headers = plain_headers(message.headers())
        origin = Origin(
            str(error), *place, reader=self._letters.reader, key=message.key(), headers=headers
        )
        log.warning("a request at %s [%d] %d cannot be read: it goes to the dead letters", *place)
        try:
            self._letters.send(error.raw, origin)
        except Transient as silent:
            log.warning("%s; trying again", silent)
            return False
        return True


def place_of(message: Message) -> tuple[str, int, int]:
    """Return topic, partition and offset of a message."""
    return message.topic() or "", message.partition() or 0, message.offset() or 0
