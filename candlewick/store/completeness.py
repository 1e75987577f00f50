"""What the completeness view of ClickHouse says, as values."""

from collections.abc import Iterator
from dataclasses import dataclass

from clients.clickhouse import Client, rows_of

_KEYS = """
SELECT DISTINCT symbol, interval
FROM
(
    SELECT symbol, interval FROM klines
    UNION ALL
    SELECT symbol, interval FROM candles
    UNION ALL
    SELECT symbol, interval FROM holes
)
WHERE ({symbol:String} = '' OR symbol = {symbol:String})
  AND ({interval:String} = '' OR interval = {interval:String})
ORDER BY symbol, toUInt32OrZero(interval), interval
"""
# One key a query, as then only its rows are read and memory stays small.
_MONTHS = """
SELECT symbol, interval, formatDateTime(month, '%Y-%m'), expected, held, official_holes,
       unproven_holes, missing, gapped, verified, mismatched
FROM completeness
WHERE symbol = {symbol:String} AND interval = {interval:String}
ORDER BY month
"""


@dataclass(frozen=True, slots=True)
class Month:
    """How many candles of a symbol, interval and month there should be, and what is known of them.

    ``expected`` is the sum of ``held``, ``official_holes``, ``unproven_holes`` and ``missing``.

    Attributes:
        month: For example ``2024-08``.
        expected: From the first candle held or listed to the last one closed a minute ago.
        held: From the exchange, or from trades of which none is missing.
        official_holes: The exchange has no candle, as its trade ids show.
        unproven_holes: The exchange has no candle, and nobody could show why.
        missing: The exchange has them, we do not.
        gapped: Those of the missing that are held from trades, with some trades missing.
        verified: Candles from trades that equal the exchange's.
        mismatched: Candles from trades that do not.
    """

    symbol: str
    interval: str
    month: str
    expected: int
    held: int
    official_holes: int
    unproven_holes: int
    missing: int
    gapped: int
    verified: int
    mismatched: int


def read_completeness(client: Client, *, symbol: str, interval: str) -> Iterator[Month]:
    """Yield the months of every symbol and interval stored; an empty argument means all.

    Raises:
        Transient: ClickHouse does not answer.
        ContractMismatch: It lacks a table or view of this version.
    """
    wanted = {"symbol": symbol, "interval": interval}
    for found in rows_of(client, _KEYS, wanted):
        key = {"symbol": found[0], "interval": found[1]}
        yield from (Month(*row) for row in rows_of(client, _MONTHS, key))
