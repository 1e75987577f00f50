"""The way of one symbol and interval through a backfill, and what can be said of it."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from producers.history.inventory import Held
from producers.history.time_ranges import Spans
from schemas.history import Hole
from schemas.timeframe import Interval

if TYPE_CHECKING:
    import asyncio


@dataclass(slots=True)
class Track:
    """What is wanted of one symbol and interval, and how far it has come.

    Attributes:
        held: What Kafka has; grows with every page that it acknowledged.
        start_ms: First opening time wanted.
        end_ms: End of the last candle wanted, exclusive.
        unproven: What the exchange does not have either, and nobody knows why.
        rows: Candles that were fetched and acknowledged.
        holes: Holes that were found on the way.
        notes: Why something is missing, for people.
        is_done: Whether its work has ended, well or not.
        on_the_way: The page that Kafka has not acknowledged yet, and the time that it covers.
        unrecorded: Rows since the last record of the history.
    """

    held: Held
    interval: Interval
    start_ms: int
    end_ms: int
    unproven: Spans = field(default_factory=Spans)
    rows: int = 0
    holes: list[Hole] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    is_done: bool = False
    on_the_way: tuple["asyncio.Future[int]", Spans, int] | None = None
    unrecorded: int = 0
    wanted_ms: int = 0

    def __post_init__(self) -> None:
        self.wanted_ms = self.missing.total_ms

    @property
    def symbol(self) -> str:
        """Return its symbol."""
        return self.held.symbol

    @property
    def missing(self) -> Spans:
        """Return what is neither held nor known to be absent."""
        everything = Spans.of([(self.start_ms, self.end_ms)])
        return everything - self.held.held - self.held.absent - self.unproven

    @property
    def wanted_rows(self) -> int:
        """Return how many candles were missing at the start."""
        return self.wanted_ms // self.interval.ms

    @property
    def missing_rows(self) -> int:
        """Return how many candles are neither held nor shown to be absent."""
        return (self.missing.total_ms + self._in_range(self.unproven)) // self.interval.ms

    @property
    def held_rows(self) -> int:
        """Return how many candles of the wanted time are held."""
        return self._in_range(self.held.held) // self.interval.ms

    @property
    def absent_rows(self) -> int:
        """Return how many the exchange itself does not have, for a reason that was shown."""
        return self._in_range(self.held.absent) // self.interval.ms

    def _in_range(self, spans: Spans) -> int:
        return spans.within(self.start_ms, self.end_ms).total_ms
