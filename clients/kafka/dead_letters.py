"""Writes what could not be read to the topic of the dead letters; never the reason for a halt."""

import logging
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Producer

from clients.kafka.errors import ANSWER_S
from schemas import topics
from schemas.dead_letters import Origin, letter_of
from schemas.errors import Transient

_log: Final = logging.getLogger(__name__)
_REFUSED: Final = (  # by the record's own nature: again it would be the same
    KafkaError.MSG_SIZE_TOO_LARGE,
    KafkaError.INVALID_RECORD,
    KafkaError.INVALID_MSG,
)


class DeadLetters:
    """The writer of dead letters of one process.

    Attributes:
        refused: How many letters the broker would not take; each is in the log.
    """

    def __init__(self, bootstrap_servers: str, *, reader: str) -> None:
        """Set it up.

        Args:
            bootstrap_servers: Brokers, host:port, comma separated.
            reader: Who met the records, for example ``sinks``.
        """
        self.reader = reader
        self.refused = 0
        self._place = bootstrap_servers
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap_servers,
                "enable.idempotence": True,
                "partitioner": "murmur2_random",
                "log_level": 0,
            }
        )
        self._failure: KafkaError | None = None

    def send(self, raw: bytes, origin: Origin) -> None:
        """Write one dead letter and wait until the broker has it.

        One that the broker refuses for what it is goes into the log: nothing waits for it.

        Raises:
            Transient: The broker does not take it now.
        """
        letter = letter_of(raw, origin)
        self._failure = None
        try:
            self._producer.produce(
                topics.DEAD_LETTERS.name,
                key=letter.key,
                value=letter.value,
                headers=list(letter.headers),
                on_delivery=self._delivered,
            )
            left = self._producer.flush(ANSWER_S)
        except (KafkaException, BufferError) as error:
            self._failure = error.args[0] if isinstance(error, KafkaException) else None
            left = 0 if self._is_refused() else 1
        if self._is_refused():
            self.refused += 1
            _log.error("Kafka refuses a dead letter (%s): %s", self._failure, origin)
        elif left or self._failure is not None:
            self._producer.purge()
            raise Transient(f"Kafka at {self._place} does not take a dead letter")

    def _is_refused(self) -> bool:
        return self._failure is not None and self._failure.code() in _REFUSED

    def _delivered(self, error: KafkaError | None, _message: object) -> None:
        self._failure = error or self._failure
