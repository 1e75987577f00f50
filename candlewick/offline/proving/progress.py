"""What a proof of the past has done, for people to see."""

import time
from dataclasses import dataclass, field

from candlewick.offline.proving.plan import length_days
from clients.clock import steady_ms
from processors.candles.state import MADE
from producers.history.time_ranges import Spans

_MOST_NOTES = 5


@dataclass(slots=True)
class SymbolProof:
    """The days of one symbol.

    Attributes:
        wanted: The days that were asked for and are listed.
        proven: Those of them whose archives were read, now or before.
        begun: How many of them had been read before.
        file: The file that is being read.
        trades: Aggregate trades that were read.
        candles: Candles that were sent.
        read: The days whose archives were read in this run.
        standing: Candles of these days that were sent, and count before all live ones.
        gapped: Candles in which trades are missing: of this run, or, once they are compared, of all
            proven days, whichever are more.
        is_compared: Whether what is proven was compared; without it the next four say nothing.
        verified: Candles that equal the exchange's.
        mismatched: Candles that differ from it.
        unchecked: Candles of which the exchange's is not stored.
        absent: Candles of proven days that are not stored.
        first_ms: Event time of the first trade of all; no candle is due before it.
        notes: What was wrong, for people.
    """

    symbol: str
    wanted: Spans = field(default_factory=Spans)
    proven: Spans = field(default_factory=Spans)
    begun: int = 0
    file: str = ""
    trades: int = 0
    candles: int = 0
    read: Spans = field(default_factory=Spans)
    standing: int = 0
    gapped: int = 0
    is_compared: bool = False
    verified: int = 0
    mismatched: int = 0
    unchecked: int = 0
    absent: int = 0
    first_ms: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def missing(self) -> Spans:
        """The wanted days that are not proven."""
        return self.wanted - self.proven

    @property
    def done_days(self) -> int:
        """How many of the wanted days are proven."""
        return length_days(self.wanted) - length_days(self.missing)

    @property
    def due_candles(self) -> int:
        """How many candles of 1m and 15m the proven days have, long silences included."""
        proven = self.wanted - self.missing
        return sum(
            (proven - Spans.of([(0, interval.open_of(self.first_ms))])).total_ms // interval.ms
            for interval in MADE
        )

    def note(self, lines: list[str]) -> None:
        """Add notes, and leave out what would be too long to read."""
        room = _MOST_NOTES - len(self.notes)
        self.notes += lines[: max(room, 0)]
        if len(lines) > room >= 0:
            self.notes.append("and so on")


@dataclass(slots=True)
class ProofProgress:
    """The symbols of a proof, and what holds it up."""

    symbols: list[SymbolProof] = field(default_factory=list)
    started_s: float = field(default_factory=time.monotonic)
    started_ms: int = field(default_factory=steady_ms)
    says: str = ""
