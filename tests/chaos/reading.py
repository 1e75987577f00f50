"""Reads what the judge compares: the store as the reader sees it, and the exchange's REST."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from decimal import ROUND_DOWN, Decimal
from typing import Any, Final

import httpx

from schemas.timeframe import MINUTE_MS
from tests.chaos.held import (
    GAPPED,
    LENGTHS_MS,
    Held,
    Key,
    Minute,
    Own,
    Question,
    Run,
    Values,
)
from tests.chaos.letters import good_letters
from tests.support.stack import Stack

_UNIT: Final = Decimal("0.00000001")
_FIELDS: Final = (
    "open, high, low, close, volume, quote_volume, trade_count, "
    "taker_buy_volume, taker_buy_quote_volume"
)
_IN_KLINE: Final = (1, 2, 3, 4, 5, 7, 8, 9, 10)
_CANDLES: Final = f"""
SELECT interval, symbol, toUnixTimestamp64Milli(open_time), status, revision, {_FIELDS}
FROM candles FINAL WHERE interval IN ('1m', '15m') AND revision BETWEEN 1 AND 999999
"""  # noqa: S608 - our own words
_TRADES: Final = """
SELECT symbol, toUnixTimestamp(toStartOfMinute(event_time)) * 1000, sum(fills), sum(quantity),
    sum(quote)
FROM trades FINAL GROUP BY 1, 2
"""
# Without FINAL: a row that came twice is counted twice.
_RUNS: Final = """
SELECT symbol, era, count(), uniqExact(agg_id), min(agg_id), max(agg_id) FROM trades GROUP BY 1, 2
"""
_ANSWERS: Final = """
SELECT symbol, toUnixTimestamp64Milli(open_time), toUnixTimestamp64Milli(issued_time), model, price
FROM predictions WHERE scored
"""
_SCORES: Final = """
SELECT symbol, toUnixTimestamp64Milli(open_time), toUnixTimestamp64Milli(issued_time), model, price
FROM scores WHERE (symbol, open_time, issued_time, model) IN
    (SELECT symbol, open_time, issued_time, model FROM predictions WHERE scored)
"""
_LATE: Final = """
SELECT symbol, toUnixTimestamp64Milli(open_time) FROM candle_revisions
WHERE interval = '1m' AND source = 'trades' AND status = 'gapped'
UNION DISTINCT
SELECT symbol, toUnixTimestamp64Milli(open_time) FROM candles FINAL
WHERE interval = '1m' AND (status = 'gapped' OR revision BETWEEN 2 AND 999999)
"""


def held(stack: Stack, doubted: AbstractSet[Minute]) -> Held:
    """Return what the store holds of what was lived through."""
    candles = {
        (str(row[0]), str(row[1]), _int(row[2])): Own(str(row[3]), _int(row[4]), _values(row[5:]))
        for row in stack.rows(_CANDLES)
    }
    trades = {(str(r[0]), _int(r[1])): _sums(r[2:]) for r in stack.rows(_TRADES)}
    runs = tuple(Run(str(r[0]), *map(_int, r[1:])) for r in stack.rows(_RUNS))
    answers, scores = (_answers(stack.rows(query)) for query in (_ANSWERS, _SCORES))
    return Held(candles, trades, runs, answers, scores, tuple(good_letters(stack, doubted)))


def late(stack: Stack) -> frozenset[Minute]:
    """Return the minutes that were first published without all their trades."""
    return frozenset((str(symbol), _int(ms)) for symbol, ms in stack.rows(_LATE))


def klines(stack: Stack, since_ms: dict[str, int], until_ms: int) -> dict[Key, Values]:
    """Return the exchange's klines of each symbol since its time."""
    found: dict[Key, Values] = {}
    for symbol, begin_ms in since_ms.items():
        for interval, length_ms in LENGTHS_MS.items():
            first_ms = -(-begin_ms // length_ms) * length_ms
            while first_ms < until_ms:
                rows = _rest(
                    stack,
                    "klines",
                    symbol=symbol,
                    interval=interval,
                    startTime=first_ms,
                    endTime=until_ms - 1,
                    limit=1000,
                )
                if not rows:
                    break
                for row in rows:
                    if row[0] + length_ms <= until_ms:
                        found[interval, symbol, row[0]] = _values([row[i] for i in _IN_KLINE])
                first_ms = rows[-1][0] + length_ms
    return found


def first_whole(held: Held) -> dict[str, int]:
    """Return the opening time of each symbol's first minute that all is known of.

    No id proves the beginning of the first candle of all.
    """
    first: dict[str, int] = {}
    for (interval, symbol, open_ms), candle in sorted(held.candles.items(), key=lambda i: i[0][2]):
        if interval == "1m" and symbol not in first:
            first[symbol] = open_ms + MINUTE_MS * (candle.status == GAPPED)
    return first


def _rest(stack: Stack, path: str, **asked: str | int) -> list[Any]:
    url = f"http://127.0.0.1:{stack.ports['exchange']}/api/v3/{path}"
    answer = httpx.get(url, params=asked, timeout=30).raise_for_status()
    return list(answer.json(parse_float=Decimal))


def _answers(rows: list[tuple[object, ...]]) -> tuple[tuple[Question, Decimal], ...]:
    return tuple(((str(r[0]), _int(r[1]), _int(r[2]), str(r[3])), Decimal(str(r[4]))) for r in rows)


def _sums(row: Sequence[object]) -> Values:
    fills, quantity, quote = _values(row)
    return fills, quantity, quote.quantize(_UNIT, ROUND_DOWN)


def _values(row: Sequence[object]) -> Values:
    return tuple(Decimal(str(value)) for value in row)


def _int(value: object) -> int:
    return int(str(value))
