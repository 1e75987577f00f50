"""Expected and stored candles of each day."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from api.queries.clickhouse import Row
from schemas.timeframe import DAY_MS

_COUNTS = ("held", "gapped", "official_holes", "verified", "mismatched")


def day_rows(
    found: Sequence[Row], firsts: Mapping[str, int], *, days: int, length_ms: int
) -> Iterator[Row]:
    """Yield a row for each symbol and UTC day, including days without any candle.

    Args:
        found: Counts by symbol and day, at least one for each symbol; `until_ms` is the time up to
            which candles are due.
        firsts: Open time of each symbol's first candle, hole of the exchange, or listing; none is
            due before.
        days: Number of days, today included.
        length_ms: Length of a candle, in milliseconds.
    """
    if not found:
        return
    known = {(row["symbol"], row["day"]): row for row in found}
    until_ms = max(int(str(row["until_ms"])) for row in found)
    today_ms = until_ms // DAY_MS * DAY_MS
    for symbol, first_ms in sorted(firsts.items()):
        for begin_ms in range(today_ms - (days - 1) * DAY_MS, today_ms + 1, DAY_MS):
            due = expected(max(begin_ms, first_ms), min(begin_ms + DAY_MS, until_ms), length_ms)
            day = datetime.fromtimestamp(begin_ms / 1000, UTC).date().isoformat()
            if due > 0:
                yield _row(symbol, day, due, known.get((symbol, day), {}))


def expected(from_ms: int, until_ms: int, length_ms: int) -> int:
    """Return the number of candles that open at or after ``from_ms`` and close by ``until_ms``."""
    return max(0, until_ms // length_ms - -(-from_ms // length_ms))


def _row(symbol: str, day: str, due: int, counts: Row) -> Row:
    row: Row = {"symbol": symbol, "day": day, "expected": due}
    row |= {name: counts.get(name, 0) for name in _COUNTS}
    explained = sum(int(str(row[name])) for name in ("held", "gapped", "official_holes"))
    return row | {"missing": max(0, due - explained)}
