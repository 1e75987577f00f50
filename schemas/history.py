"""Records about the past: the candles we have, and those the exchange does not have."""

from dataclasses import dataclass
from enum import StrEnum


class HoleKind(StrEnum):
    """Why the exchange does not have some candles, as far as it is proven."""

    OFFICIAL = "official"  # trade ids continue without a break: nothing was traded
    UNLISTED = "unlisted"  # before the first trade of the symbol
    ENDED = "ended"  # after the last trade of the symbol, which is halted or delisted
    IRREGULAR = "irregular"  # rows that cannot be candles are in their place: see `IrregularRow`
    UNPROVEN = "unproven"  # none of these could be proven


class ArchiveState(StrEnum):
    """The result of reading an archive file."""

    USED = "used"
    REISSUED = "reissued"  # used again, because its checksum had changed
    REFUSED = "refused"  # could not be used


@dataclass(frozen=True, slots=True)
class Hole:
    """Candles ``[open_ms, close_ms)`` that the exchange itself does not have.

    Attributes:
        kind: official, unlisted, ended, irregular or unproven.
        agg_id_before: Id of the last aggregate trade before it; -1 when none is known.
        agg_id_after: Id of the first aggregate trade after it; -1 when none is known.
        before_ms: Event time of the trade before; -1 when not known.
        after_ms: Event time of the trade after; -1 when not known.
        checked_ms: When the exchange was asked, our clock.
        reason: Why the exchange does not have them, for people.
    """

    symbol: str
    interval: str
    open_ms: int
    close_ms: int
    kind: str
    agg_id_before: int
    agg_id_after: int
    before_ms: int
    after_ms: int
    checked_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class IrregularRow:
    """A row of candles that the exchange published and that cannot be one; it is kept as it came.

    Attributes:
        source: rest, archive-daily or archive-monthly.
        file: The archive file with the row; empty for REST.
        open_ms: The opening time in it; -1 where that is not a time.
        row: The row, as text.
        reason: What is wrong with it, for people.
        noticed_ms: When it was read, our clock.
    """

    symbol: str
    interval: str
    source: str
    file: str
    open_ms: int
    row: str
    reason: str
    noticed_ms: int


class CheckState(StrEnum):
    """What came of comparing the 15m candles of a day with its 1m candles."""

    AGREES = "agrees"
    DIFFERS = "differs"
    MENDED = "mended"  # it differed, and what differed was fetched again


@dataclass(frozen=True, slots=True)
class CrossCheck:
    """A comparison of the exchange's 15m candles of ``[open_ms, close_ms)`` with its 1m candles.

    Attributes:
        state: agrees, differs or mended.
        compared: 15m candles whose minutes are all there.
        differing: How many of them are not what their minutes add up to.
        seen_ms: When the newest of these candles was stored, by the store's clock.
        checked_ms: When they were compared, our clock.
        reason: What differed, and what was done about it, for people; empty if nothing did.
    """

    symbol: str
    open_ms: int
    close_ms: int
    state: str
    compared: int
    differing: int
    seen_ms: int
    checked_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """An archive file that was read, covering ``[open_ms, close_ms)``.

    Attributes:
        name: For example ``BTCUSDT-1m-2024-08.zip``, or ``BTCUSDT-aggTrades-2024-08.zip``.
        interval: Interval of its candles; the shortest of those that were made from its trades.
        source: archive-daily or archive-monthly.
        sha256: The checksum that the exchange published with it.
        rows: Number of candles or aggregate trades in it; 0 if it could not be used.
        state: used, reissued or refused.
        changed_ms: When it came into this state, our clock.
        reason: Why, for people; of a used file, what was left out of it, or empty.
    """

    name: str
    symbol: str
    interval: str
    source: str
    open_ms: int
    close_ms: int
    sha256: str
    rows: int
    state: str
    changed_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class History:
    """The candles of a symbol and interval that Kafka has from REST or archives.

    Attributes:
        held: Half-open runs ``open_ms, close_ms, open_ms, close_ms, ...``, ascending.
        absent: Runs that the exchange itself does not have, in the same form.
        partition: Partition of the klines topic that has the symbol.
        next_offset: All records of that partition before this offset are counted in ``held``.
        changed_ms: When this record was made, our clock.
    """

    symbol: str
    interval: str
    held: tuple[int, ...]
    absent: tuple[int, ...]
    partition: int
    next_offset: int
    changed_ms: int


def history_key(symbol: str, interval: str) -> str:
    """Return the key of a `History` record, for example ``BTCUSDT 1m``."""
    return f"{symbol} {interval}"
