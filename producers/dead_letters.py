"""Unusable records of topics to the dead letters: each once, however often it is met."""

import logging
from typing import Final

from clients.kafka.dead_letters import DeadLetters
from clients.kafka.reader import TopicReader
from clients.kafka.records import Message, place_of
from schemas import topics
from schemas.errors import PoisonMessage

log = logging.getLogger(__name__)
LOOK_BACK: Final = 5_000  # letters of each partition in which a record's letter is looked for


class Burial:
    """Buries what one process meets in topics.

    Whatever reads a topic again meets the same records again, and others read it too: a record that
    has a letter gets no second one.
    """

    def __init__(self, bootstrap_servers: str, *, reader: str) -> None:
        """Set it up; nobody is asked before there is something to bury.

        Args:
            bootstrap_servers: Brokers, host:port, comma separated.
            reader: Who meets the records: ``stream``, ``backfill``, ``coins``.
        """
        self._servers = bootstrap_servers
        self._reader = reader
        self._letters: DeadLetters | None = None
        self._known: set[str] = set()

    def bury(self, error: PoisonMessage, message: Message) -> None:
        """Send a record to the dead letters, unless it is there.

        Raises:
            Transient: Kafka does not take it now.
            ConfigurationError: Kafka does not answer.
        """
        topic, partition, offset = place_of(message)
        name = f"{topic}/{partition}/{offset}"
        if self._letters is None:
            self._letters = DeadLetters(self._servers, reader=self._reader)
            self._known |= _names(self._servers)
        if name not in self._known:
            self._letters.bury(error, message)
            self._known.add(name)
            log.warning("offset %s of %s is buried: %s", offset, topic, error)


def _names(servers: str) -> set[str]:
    with TopicReader(servers, "candlewick-burial") as reader:
        found = (message.key() for message in reader.newest(topics.DEAD_LETTERS, LOOK_BACK))
        return {key.decode(errors="replace") for key in found if key}
