"""Writes what could not be read to the topic of the dead letters; never the reason for a halt."""

from typing import Final

from confluent_kafka import Message

from clients.kafka.records import place_of
from clients.kafka.writer import Writer
from clients.watching.log import EventLog
from clients.watching.metrics import DEAD_LETTERS, count_dead_letters
from schemas import topics
from schemas.codecs import headers_of
from schemas.dead_letters import Origin, letter_of, plain_headers
from schemas.errors import ConfigurationError, PoisonMessage, Transient
from schemas.settings import KafkaSettings

_log: Final = EventLog(__name__)


class DeadLetters:
    """The writer of dead letters of one process.

    Attributes:
        refused: How many letters the broker would not take; each is in the log.
    """

    def __init__(self, kafka: KafkaSettings, *, reader: str) -> None:
        """Set it up.

        Args:
            kafka: Where the brokers are, and how to sign in.
            reader: Who met the records, for example ``sinks``.
        """
        self.reader = reader
        self.refused = 0
        self._writer = Writer(kafka)
        count_dead_letters(reader)

    def bury(self, error: PoisonMessage, message: Message) -> None:
        """Write the letter of a record that cannot be read; as `send`."""
        self.send(error.raw, origin_in(message, str(error), reader=self.reader))

    def send(self, raw: bytes, origin: Origin) -> None:
        """Write one dead letter and wait until the broker has it.

        One that the broker refuses for what it is goes into the log: nothing waits for it.

        Raises:
            Transient: The broker does not take it now.
        """
        letter = letter_of(raw, origin)
        try:
            self._writer.put(topics.DEAD_LETTERS.name, letter)
            DEAD_LETTERS.labels(self.reader).inc()
        except PoisonMessage as refusal:
            self.refused += 1
            _log.error(
                "dead_letter_refused",
                "{refusal}: no dead letter of {origin}",
                refusal=refusal,
                origin=origin,
            )
        except ConfigurationError as error:
            raise Transient(str(error)) from error  # others may go on, and it may be mended


def origin_in(message: Message, reason: str, *, reader: str) -> Origin:
    """Return where a record of a topic was found that could not be used, and why."""
    return Origin(
        reason,
        *place_of(message),
        reader=reader,
        key=message.key(),
        headers=plain_headers(headers_of(message)),
    )
