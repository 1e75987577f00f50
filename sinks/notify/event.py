"""What a rule found: one event, and the moment at which rules look."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from schemas.codecs import Record

__all__ = ["Event", "Moment", "Record", "since_when"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a rule reports.

    Attributes:
        id: Identity inside its rule, the same however often its records are read.
        symbol: Symbol concerned; empty for all symbols.
        text: One line for people.
        at_ms: Event time, UTC epoch milliseconds.
    """

    id: str
    symbol: str
    text: str
    at_ms: int


def _is_all_read(topic: str, symbol: str) -> bool:
    del topic, symbol
    return False


@dataclass(frozen=True, slots=True)
class Moment:
    """The clocks and symbols that rules judge by.

    Attributes:
        now_ms: Our clock, which jumps of the machine's clock do not move: for durations.
        wall_ms: The machine's clock: for times of the day, and those that people see.
        market_ms: The market's own clock: the newest event time seen so far; 0 before the first.
        is_behind: Tells whether a topic has, or may have, records of a symbol that have not been
            read.
        age_ms: How long ago the record that is taken was written, by the machine's clock; None
            where rules look at the clock.
        traded: Symbols that are followed and traded, with since when this process has seen them
            so, by our clock.
    """

    now_ms: int
    wall_ms: int
    market_ms: int = 0
    is_behind: Callable[[str, str], bool] = _is_all_read
    age_ms: int | None = None
    traded: Mapping[str, int] = field(default_factory=dict)


def since_when(
    symbols: Iterable[str], before: Mapping[str, int], *, now_ms: int
) -> Mapping[str, int]:
    """Return since when each symbol is among those that are traded.

    Args:
        symbols: Symbols that are traded now.
        before: What was returned last.
        now_ms: Our clock.
    """
    return {symbol: before.get(symbol, now_ms) for symbol in symbols}
