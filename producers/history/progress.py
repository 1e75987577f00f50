"""State and figures of one symbol and interval during a backfill."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from producers.history.inventory import Held
from producers.history.time_ranges import Run, Spans
from schemas.history import Hole, HoleKind, IrregularRow
from schemas.timeframe import Interval

if TYPE_CHECKING:
    import asyncio


@dataclass(slots=True)
class SeriesProgress:
    """The candles wanted of one symbol and interval, and the progress of fetching them.

    Attributes:
        held: The candles that Kafka has; grows with every acknowledged page.
        start_ms: First opening time wanted.
        end_ms: End of the last candle wanted, exclusive.
        unproven: Candles that the exchange does not have either, for an unknown reason.
        rows: Candles that were fetched and acknowledged.
        newest_ms: Opening time of the last candle of the page that was acknowledged last.
        holes: Holes that this backfill found.
        known_holes: All holes that are known, those of earlier backfills too.
        from_files: Time that archive files cover which were read.
        mended: Candles by REST that such a file lacks, or has as an irregular row.
        irregular: Rows that cannot be candles, which this backfill met.
        notes: Why candles are missing, for people.
        is_done: Whether the track has ended, successfully or not.
        on_the_way: The unacknowledged page: its future, the time it covers, and its rows.
        unrecorded: Rows since the last `History` record.
        wanted_ms: Time that was missing at the start.
    """

    held: Held
    interval: Interval
    start_ms: int
    end_ms: int
    unproven: Spans = field(default_factory=Spans)
    rows: int = 0
    newest_ms: int = -1
    holes: list[Hole] = field(default_factory=list)
    known_holes: dict[Run, Hole] = field(default_factory=dict)
    from_files: Spans = field(default_factory=Spans)
    mended: int = 0
    irregular: list[IrregularRow] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    is_done: bool = False
    on_the_way: tuple["asyncio.Future[int]", Spans, int] | None = None
    unrecorded: int = 0
    wanted_ms: int = 0

    def __post_init__(self) -> None:
        self.wanted_ms = self.missing.total_ms

    @property
    def symbol(self) -> str:
        """Return the symbol, for example ``BTCUSDT``."""
        return self.held.symbol

    @property
    def missing(self) -> Spans:
        """Return the time that is neither held nor known to be absent or unproven."""
        everything = Spans.of([(self.start_ms, self.end_ms)])
        return everything - self.held.held - self.held.absent - self.unproven

    def absent_as(self, kind: HoleKind) -> int:
        """Return the number of candles that the exchange does not have for this reason."""
        runs = Spans.of(run for run, hole in self.known_holes.items() if hole.kind == kind)
        other = self.held.absent - runs
        return self._in_range(self.held.absent - other) // self.interval.ms

    @property
    def wanted_rows(self) -> int:
        """Return the number of candles that were missing at the start."""
        return self.wanted_ms // self.interval.ms

    @property
    def missing_rows(self) -> int:
        """Return the number of candles that are neither held nor proven to be absent."""
        return (self.missing.total_ms + self._in_range(self.unproven)) // self.interval.ms

    @property
    def held_rows(self) -> int:
        """Return the number of candles of the wanted time that Kafka has."""
        return self._in_range(self.held.held) // self.interval.ms

    @property
    def absent_rows(self) -> int:
        """Return the number of candles that are proven to be absent at the exchange."""
        return self._in_range(self.held.absent) // self.interval.ms

    def _in_range(self, spans: Spans) -> int:
        return spans.within(self.start_ms, self.end_ms).total_ms
