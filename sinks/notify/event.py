"""What a rule found: one event, and the moment at which rules look."""

from dataclasses import dataclass

from schemas.codecs import Record

__all__ = ["Event", "Moment", "Record"]


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


@dataclass(frozen=True, slots=True)
class Moment:
    """The clocks and symbols that rules judge by.

    Attributes:
        now_ms: Our clock, which jumps of the machine's clock do not move.
        market_ms: The market's own clock: the newest event time seen so far; 0 before the first.
        since_ms: When this process began to read, by our clock.
        behind: Names of the topics of which not all records that exist have been read.
        traded: Symbols that are followed and traded.
    """

    now_ms: int
    market_ms: int = 0
    since_ms: int = 0
    behind: frozenset[str] = frozenset()
    traded: tuple[str, ...] = ()
