"""Queries of ClickHouse's audit view, which compares our candles with the exchange's."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from clients.clickhouse import Client, rows_of
from schemas.table_columns import CANDLE_VALUES

_COUNTS = """
SELECT symbol, interval, countIf(result = 'verified'), countIf(result = 'mismatch'),
       countIf(result = 'gapped'), countIf(result = 'only-ours'), countIf(result = 'only-exchange')
FROM audit
WHERE ({symbol:String} = '' OR symbol = {symbol:String})
  AND ({interval:String} = '' OR interval = {interval:String})
GROUP BY symbol, interval
ORDER BY symbol, interval
"""
# A candle that has not as many trades as ids contradicts itself: beside its trades stand its ids.
_AGAINST_IDS = """('trade_ids', concat(toString(trade_count), ' trades'),
    concat(toString(last_trade_id - first_trade_id + 1), ' ids'))"""
_PAIRS = ", ".join(
    [*(f"('{n}', toString({n}), toString(exchange_{n}))" for n in CANDLE_VALUES), _AGAINST_IDS]
)
_DIFFERENCES = f"""
SELECT symbol, interval, toUnixTimestamp64Milli(open_time), exchange_source, pair.1, pair.2, pair.3
FROM audit
ARRAY JOIN arrayFilter(p -> has(differs, p.1), [{_PAIRS}]) AS pair
WHERE result = 'mismatch'
  AND ({{symbol:String}} = '' OR symbol = {{symbol:String}})
  AND ({{interval:String}} = '' OR interval = {{interval:String}})
ORDER BY open_time, symbol, interval
LIMIT {{most:UInt32}}
"""  # noqa: S608 - the names are our own

# One symbol and interval a query: ClickHouse sorts no more than their candles.
_OWN = """
SELECT DISTINCT symbol, interval FROM candles
WHERE ({symbol:String} = '' OR symbol = {symbol:String})
  AND ({interval:String} = '' OR interval = {interval:String})
ORDER BY symbol, interval
"""
_BREAKS = """
SELECT symbol, interval, toUnixTimestamp64Milli(open_time), 'the candle before', 'first_trade_id',
       toString(first_trade_id), concat(toString(due_trade_id), ' was due')
FROM trade_id_breaks
WHERE symbol = {symbol:String} AND interval = {interval:String}
ORDER BY open_time
LIMIT {most:UInt32}
"""


@dataclass(frozen=True, slots=True)
class Tally:
    """Number of candles of a symbol and interval with each result of the audit."""

    symbol: str
    interval: str
    verified: int
    mismatch: int
    gapped: int
    only_ours: int
    only_exchange: int


@dataclass(frozen=True, slots=True)
class Difference:
    """A field in which our candle differs from the exchange's; both values as plain decimals.

    Where ``field`` is ``trade_ids``, our candle contradicts itself: its trades, and its ids. Where
    the source is the candle before, that is ours too, and another trade was due after it.
    """

    symbol: str
    interval: str
    open_ms: int
    exchange_source: str
    field: str
    ours: str
    exchange: str


@dataclass(frozen=True, slots=True)
class Audit:
    """The audit of some candles, narrowed to a symbol and an interval; empty means all."""

    client: Client
    symbol: str
    interval: str

    def tallies(self) -> list[Tally]:
        """Return the counts of each symbol and interval."""
        return [Tally(*row) for row in self._rows(_COUNTS, 0)]

    def differences(self, *, most: int) -> list[Difference]:
        """Return the oldest differences, at most `most`, and as many breaks of trade ids."""
        found = [Difference(*row) for row in self._rows(_DIFFERENCES, most)]
        return found + list(islice(self._breaks(most), most))

    def _breaks(self, most: int) -> Iterator[Difference]:
        for symbol, interval in self._rows(_OWN, 0):
            bound = {"symbol": symbol, "interval": interval, "most": most}
            yield from (Difference(*row) for row in rows_of(self.client, _BREAKS, bound))

    def _rows(self, query: str, most: int) -> Sequence[Sequence[Any]]:
        parameters = {"symbol": self.symbol, "interval": self.interval, "most": most}
        return rows_of(self.client, query, parameters)
