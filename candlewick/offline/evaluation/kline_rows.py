"""Conversion of one row of a kline file to a candle.

Source: binance-public-data, README, "Klines"; binance-spot-api-docs, rest-api.md,
"Kline/Candlestick data". Files of other programs have only the first six columns.
"""

from collections.abc import Sequence
from decimal import Decimal

from schemas.errors import ConfigurationError
from schemas.market import NO_TRADE_ID, Candle, CandleSource, CandleStatus
from schemas.timeframe import Interval

Cell = str | int | float
PLACES = 8
UNIT = 100_000_000
MICROSECONDS_FROM = 10**14  # from here on microseconds: milliseconds reach it in the year 5138
FULL_ROW = 11
FEWEST_CELLS = 6
# What a cell raises that is no number: text, nothing at all, a list, or infinity.
UNREADABLE = (ValueError, TypeError, AttributeError, ArithmeticError)


def open_ms_of(row: Sequence[Cell]) -> int:
    """Return the opening time of a row's candle.

    Raises:
        Exception: One of `UNREADABLE`; the first cell is not a time.
    """
    time = int(row[0])
    return time // 1000 if time >= MICROSECONDS_FROM else time


def _prices_of(row: Sequence[Cell], symbol: str) -> list[int]:
    """Return the open, high, low and close price of a row, in 1e-8.

    Raises:
        ConfigurationError: A cell is missing or not a number.
    """
    if len(row) < FEWEST_CELLS:
        raise ConfigurationError(f"a row of {symbol} has {len(row)} columns but needs 6: {row}")
    try:
        return [_e8(cell) for cell in row[1:5]]
    except UNREADABLE as error:
        raise ConfigurationError(f"a row of {symbol} is unreadable: {row}") from error


def candle_of(row: Sequence[Cell], symbol: str, interval: Interval) -> Candle:
    """Parse a row with time, open, high, low, close and volume, and optionally the other columns.

    Raises:
        ConfigurationError: A cell is missing or not a number.
    """
    prices = _prices_of(row, symbol)
    try:
        return _candle(row, prices, symbol, interval)
    except UNREADABLE as error:
        raise ConfigurationError(f"a row of {symbol} is unreadable: {row}") from error


def _candle(row: Sequence[Cell], prices: list[int], symbol: str, interval: Interval) -> Candle:
    open_ms = open_ms_of(row)
    full = len(row) >= FULL_ROW
    return Candle(
        symbol=symbol,
        interval=interval.value,
        open_ms=open_ms,
        close_ms=open_ms + interval.ms,
        open_e8=prices[0],
        high_e8=prices[1],
        low_e8=prices[2],
        close_e8=prices[3],
        volume_e8=_e8(row[5]),
        quote_volume_e8=_e8(row[7]) if full else 0,
        trade_count=int(row[8]) if full else 0,
        taker_buy_volume_e8=_e8(row[9]) if full else 0,
        taker_buy_quote_volume_e8=_e8(row[10]) if full else 0,
        first_trade_id=NO_TRADE_ID,
        last_trade_id=NO_TRADE_ID,
        price_variation_e16=None,
        status=CandleStatus.OFFICIAL.value,
        revision=1,
        source=CandleSource.ARCHIVE_DAILY.value,
        event_ms=open_ms + interval.ms - 1,
    )


def _e8(cell: Cell) -> int:
    if isinstance(cell, float):
        return round(cell * UNIT)
    if isinstance(cell, int):
        return cell * UNIT
    if cell[-9:-8] == "." and (digits := cell[:-9] + cell[-8:]).isdigit():
        return int(digits)  # the official files give all eight places
    whole, _, part = cell.partition(".")
    if whole.isdigit() and (part.isdigit() or not part):
        return int(whole + part[:PLACES].ljust(PLACES, "0"))
    return int(Decimal(cell).scaleb(PLACES))
