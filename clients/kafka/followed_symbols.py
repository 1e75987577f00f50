"""The symbols that are followed now, as `market.symbols.v1` says; every process asks here."""

import threading
from collections.abc import Iterator
from typing import Final

from clients.kafka.reader import TopicReader
from clients.watching.log import EventLog
from schemas import topics
from schemas.codecs import record_in
from schemas.errors import CandlewickError, ConfigurationError, PoisonMessage, Transient
from schemas.settings import Settings
from schemas.symbols import SymbolBook, SymbolChoice

_log = EventLog(__name__)
AGAIN_S: Final = 1.0
LOOK_S: Final = 30.0  # a topic that was made anew is seen after this
FETCH_WAIT_MS: Final = 500
ANSWER_S: Final = 5.0


class FollowedSymbols:
    """A book of the symbols that is kept up to date; without Kafka it stays as it is.

    Attributes:
        book: What was read last; read it from any thread.
        names: The symbols that are followed, of the same book.
        is_read: Whether the topic has been read to its end once.
    """

    def __init__(self, settings: Settings, *, name: str) -> None:
        """Set it up; nothing is asked yet, and the symbols named in the setting count.

        Args:
            settings: Brokers, and the symbols that are named in full.
            name: Who reads.
        """
        self._take(SymbolBook(settings.named_symbols))
        self.is_read = False
        self._kafka = settings.kafka
        self._name = name
        self._reader: TopicReader | None = None
        self._ending = threading.Event()
        self._lock = threading.Lock()

    def __contains__(self, symbol: object) -> bool:
        return symbol in self._set

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def traded(self) -> tuple[str, ...]:
        """The followed symbols that the exchange trades, as far as is known."""
        return self.book.traded

    def refresh(self) -> None:
        """Read what is new, now.

        Raises:
            ConfigurationError: Kafka does not answer, or the topic does not exist.
        """
        with self._lock:
            if self._reader is None:
                self._reader = TopicReader(
                    self._kafka, self._name, answer_s=ANSWER_S, fetch_wait_ms=FETCH_WAIT_MS
                )
            found: list[SymbolChoice] = []
            for message in self._reader.new(topics.SYMBOLS):
                try:
                    found.append(record_in(SymbolChoice, message))
                except PoisonMessage as error:  # the sinks bury it
                    _log.warning(
                        "symbol_choice_ignored",
                        "a record of {topic} is ignored: {error}",
                        topic=topics.SYMBOLS.name,
                        error=error,
                    )
            if found:
                self._take(self.book.with_choices(found))
            self.is_read = True

    def _take(self, book: SymbolBook) -> None:
        self.book, self.names = book, book.names
        self._set = frozenset(self.names)

    def watch(self) -> None:
        """Read what is new as soon as it comes, from now on, in a thread of its own."""
        threading.Thread(target=self._watch, name="symbols", daemon=True).start()

    def stop(self) -> None:
        """End the thread."""
        self._ending.set()

    def _watch(self) -> None:
        failing = False
        while not self._ending.is_set():
            try:
                self.refresh()
                failing = False
                self._wait()
            except CandlewickError as error:
                if not failing:
                    _log.warning(
                        "symbols_of_last_list_followed",
                        "{error}; the last list of symbols is followed",
                        error=error,
                    )
                failing = True
                self._drop_reader()
                self._ending.wait(AGAIN_S)
        self._drop_reader()

    def _wait(self) -> None:
        with self._lock:
            if self._reader is not None:
                self._reader.wait(topics.SYMBOLS, LOOK_S, self._ending.is_set)

    def _drop_reader(self) -> None:
        with self._lock:
            if self._reader is not None:
                self._reader.close()
            self._reader = None


def known_symbols(settings: Settings, *, name: str) -> SymbolBook:
    """Return the book as it is now.

    Raises:
        Transient: Kafka does not answer, or the topic is not there yet.
    """
    followed = FollowedSymbols(settings, name=name)
    try:
        followed.refresh()
    except ConfigurationError as error:
        raise Transient(str(error)) from error
    return followed.book


def read_symbols(settings: Settings, *, name: str) -> SymbolBook:
    """Return the book as it is now; the setting's names if Kafka or the topic is not there."""
    try:
        return known_symbols(settings, name=name)
    except Transient as error:
        _log.warning(
            "symbols_of_setting_followed",
            "{error}; the symbols of the setting are followed",
            error=error,
        )
        return FollowedSymbols(settings, name=name).book
