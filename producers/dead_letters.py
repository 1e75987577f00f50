"""Sender of unusable records to the dead-letter topic, once each, however often they are read."""

from typing import Final

from clients.kafka.dead_letters import DeadLetters
from clients.kafka.reader import TopicReader
from clients.kafka.records import Message, place_of
from clients.watching.log import EventLog
from schemas import topics
from schemas.errors import PoisonMessage
from schemas.settings import KafkaSettings

_log = EventLog(__name__)
LOOK_BACK: Final = 5_000  # newest letters of each partition that are searched for a record's letter


class Burial:
    """Sends the unusable records that a process reads to the dead-letter topic.

    A topic is read again after a restart, and by several processes: a record that has a dead
    letter gets no second one.
    """

    def __init__(self, kafka: KafkaSettings, *, reader: str) -> None:
        """Set up the sender; it connects to Kafka only for the first record.

        Args:
            kafka: Where the brokers are, and how to sign in.
            reader: The process that reads the records: ``stream``, ``backfill``, ``coins``.
        """
        self._kafka = kafka
        self._letters = DeadLetters(kafka, reader=reader)
        self._known: set[str] | None = None

    def bury(self, error: PoisonMessage, message: Message) -> None:
        """Send a record to the dead-letter topic, unless its letter is there already.

        Raises:
            Transient: Kafka does not accept it now.
            ConfigurationError: Kafka does not answer.
        """
        topic, partition, offset = place_of(message)
        name = f"{topic}/{partition}/{offset}"
        if self._known is None:
            self._known = _names(self._kafka)
        if name not in self._known:
            self._letters.bury(error, message)
            self._known.add(name)
            _log.warning(
                "record_buried",
                "offset {offset} of {topic} became a dead letter: {error}",
                offset=offset,
                topic=topic,
                error=error,
            )


def _names(kafka: KafkaSettings) -> set[str]:
    with TopicReader(kafka, "candlewick-burial") as reader:
        found = (message.key() for message in reader.newest(topics.DEAD_LETTERS, LOOK_BACK))
        return {key.decode(errors="replace") for key in found if key}
