"""The contents of an archive file: a zip of CSV without a header.

Source: binance-public-data, README.md. Times are in microseconds from 2025-01-01 on and in
milliseconds before.
"""

import io
import zipfile
from collections.abc import Callable, Iterator
from datetime import date
from typing import Final

from candlewick.exchange.faults.klines import Change, unchanged
from candlewick.exchange.market.columns import Candles, Trades
from candlewick.exchange.market.intervals import DAY_MINUTES, DAY_MS, INTERVALS, Interval, day_of
from candlewick.exchange.market.klines import klines
from candlewick.exchange.market.source import Source
from candlewick.exchange.server.archive_names import File
from candlewick.exchange.server.kline_files import given_between
from candlewick.exchange.streams.payloads import decimal

_MICROSECONDS_FROM: Final = date(2025, 1, 1)


def zipped(
    source: Source, file: File, given: Candles | None, change: Change, go_on: Callable[[], None]
) -> bytes:
    """Return the bytes of an archive, made from the given klines if there are any.

    `go_on` is called now and then; it raises to end the work.
    """
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        # A fixed date, so that the checksum depends only on the contents.
        about = zipfile.ZipInfo(f"{file.name}.csv", (2020, 1, 1, 0, 0, 0))
        about.compress_type = zipfile.ZIP_DEFLATED
        with archive.open(about, "w", force_zip64=True) as member:
            for part in (
                lines(source, file, change) if given is None else [given_lines(given, file, change)]
            ):
                go_on()
                member.write(part.encode())
    return held.getvalue()


def lines(source: Source, file: File, change: Change = unchanged) -> Iterator[str]:
    """Yield the CSV of an archive, in parts of whole lines."""
    unit = 1000 if file.first >= _MICROSECONDS_FROM else 1
    first_day = day_of(file.first)
    if file.interval:
        interval = INTERVALS[file.interval]
        # The last kline of a month, say a week, may end after it; then the file comes later.
        visible_ms = interval.end_of((first_day + file.days) * DAY_MS - 1) - 1
        for day in range(first_day, first_day + file.days):
            at, last = day * DAY_MS, (day + 1) * DAY_MS - 1
            yield kline_lines(
                change(klines(source, interval, at, last, visible_ms=visible_ms)), interval, unit
            )
        return
    first = max(first_day * DAY_MINUTES, source.first_minute)
    for minute in range(first, (first_day + file.days) * DAY_MINUTES):
        yield agg_trade_lines(source.trades(minute), unit)


def given_lines(given: Candles, file: File, change: Change = unchanged) -> str:
    """Return the CSV of an archive of given klines."""
    unit = 1000 if file.first >= _MICROSECONDS_FROM else 1
    start_ms = day_of(file.first) * DAY_MS
    rows = given_between(given, start_ms, start_ms + file.days * DAY_MS)
    return kline_lines(change(rows), INTERVALS[file.interval], unit)


def kline_lines(rows: Candles, interval: Interval, unit: int) -> str:
    """Return the CSV lines of klines."""
    prices = (rows.open_e8, rows.high_e8, rows.low_e8, rows.close_e8, rows.volume_e8)
    sums = (rows.quote_e8, rows.trades, rows.taker_e8, rows.taker_quote_e8)
    columns = (rows.open_ms, *prices, *sums, interval.ends(rows.open_ms))
    return "".join(
        f"{at * unit},{decimal(o)},{decimal(h)},{decimal(low)},{decimal(c)},{decimal(v)},"
        f"{end * unit - 1},{decimal(q)},{n},{decimal(tv)},{decimal(tq)},0\n"
        for at, o, h, low, c, v, q, n, tv, tq, end in zip(
            *(column.tolist() for column in columns), strict=True
        )
    )


def agg_trade_lines(trades: Trades, unit: int) -> str:
    """Return the CSV lines of aggregate trades."""
    ids = trades.trade_id_edges.tolist()
    columns = (trades.time_ms, trades.price_e8, trades.quantity_e8, trades.buyer_maker)
    rows = zip(*(column.tolist() for column in columns), ids, ids[1:], strict=False)
    return "".join(
        f"{agg},{decimal(price)},{decimal(quantity)},{first},{end - 1},{at * unit},{maker},True\n"
        for agg, (at, price, quantity, maker, first, end) in enumerate(rows, trades.first_agg_id)
    )
