"""Archive files as data.binance.vision has them: zips of CSV, and their checksums.

Source: binance-public-data, README.md. Spot files have no header; times are microseconds from
2025-01-01 on and milliseconds before.
"""

import asyncio
import hashlib
import io
import re
import zipfile
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from candlewick.exchange.cache import Cache
from candlewick.exchange.clock import MarketClock
from candlewick.exchange.columns import Candles, Trades
from candlewick.exchange.intervals import DAY_MINUTES, DAY_MS, INTERVALS, day_of
from candlewick.exchange.klines import klines
from candlewick.exchange.source import Market, Source
from candlewick.exchange.wire import decimal

_PATH: Final = re.compile(
    r"/data/spot/(?P<span>daily|monthly)/"
    r"(?:klines/(?P<ks>[A-Z0-9]+)/(?P<interval>\w+)/(?P=ks)-(?P=interval)"
    r"|aggTrades/(?P<as>[A-Z0-9]+)/(?P=as)-aggTrades)"
    r"-(?P<date>\d{4}-\d{2}(?:-\d{2})?)\.zip(?P<sum>\.CHECKSUM)?"
)
_MICROSECONDS_FROM: Final = date(2025, 1, 1)
# A day's file comes in the next morning.
_DAILY_AFTER_MS: Final = 3 * 3_600_000
_MONDAY: Final = 0
_HELD_BYTES: Final = 48 << 20


@dataclass(frozen=True, slots=True)
class File:
    """One archive: a symbol's klines or aggregate trades of a day or a month.

    Attributes:
        interval: Of klines; empty for aggregate trades.
        first: First day.
        days: Number of days.
        name: Without `.zip`.
    """

    symbol: str
    interval: str
    first: date
    days: int
    name: str

    @property
    def published_ms(self) -> int:
        """Return when the file appears: the next morning, or the first Monday after the month."""
        after = self.first + timedelta(days=self.days)
        if self.days > 1:
            after += timedelta(days=(_MONDAY - after.weekday()) % 7)
        return day_of(after) * DAY_MS + _DAILY_AFTER_MS


class Archive:
    """Makes archive files when they are asked for; the same file always has the same bytes."""

    def __init__(self, clock: MarketClock, market: Market) -> None:
        self._clock = clock
        self._market = market
        self._zips: Cache[File, bytes] = Cache(_HELD_BYTES, len)

    def routes(self) -> list[Route]:
        """Return the paths."""
        return [Route("/data/spot/{rest:path}", self._file)]

    async def _file(self, request: Request) -> Response:
        found = _PATH.fullmatch(request.url.path)
        file = None if found is None else file_of(found)
        if found is None or file is None or not self._published(file):
            return _no_such_key(request.url.path)
        if file not in self._zips:
            content = await asyncio.to_thread(zipped, self._market[file.symbol], file)
            self._zips.get(file, lambda: content)
        body = self._zips.get(file, lambda: zipped(self._market[file.symbol], file))
        if found["sum"]:
            line = f"{hashlib.sha256(body).hexdigest()}  {file.name}.zip\n"
            return Response(line, media_type="binary/octet-stream")
        return Response(body, media_type="application/zip")

    def _published(self, file: File) -> bool:
        source = self._market.get(file.symbol)
        if source is None or self._clock.now_ms() < file.published_ms:
            return False
        return (day_of(file.first) + file.days) * DAY_MINUTES > source.first_minute


def file_of(found: re.Match[str]) -> File | None:
    """Return the file that a path names, or None where no such file can be."""
    text, monthly = found["date"], found["span"] == "monthly"
    try:
        first = date.fromisoformat(f"{text}-01" if monthly else text)
    except ValueError:
        return None
    interval = found["interval"] or ""
    if interval and interval not in INTERVALS:
        return None
    symbol = found["ks"] or found["as"]
    days = monthrange(first.year, first.month)[1] if monthly else 1
    return File(symbol, interval, first, days, f"{symbol}-{interval or 'aggTrades'}-{text}")


def zipped(source: Source, file: File) -> bytes:
    """Return the bytes of an archive."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        # A fixed date: the checksum depends on what the file says alone.
        about = zipfile.ZipInfo(f"{file.name}.csv", (2020, 1, 1, 0, 0, 0))
        about.compress_type = zipfile.ZIP_DEFLATED
        with archive.open(about, "w", force_zip64=True) as member:
            for part in lines(source, file):
                member.write(part.encode())
    return held.getvalue()


def lines(source: Source, file: File) -> Iterator[str]:
    """Return the CSV of an archive, in parts of whole lines."""
    unit = 1000 if file.first >= _MICROSECONDS_FROM else 1
    first_day = day_of(file.first)
    if file.interval:
        length = INTERVALS[file.interval]
        start_ms, end_ms = first_day * DAY_MS, (first_day + file.days) * DAY_MS
        for at in range(start_ms, end_ms, max(DAY_MS, length)):
            last = min(at + max(DAY_MS, length), end_ms) - 1
            yield kline_lines(klines(source, length, at, last, visible_ms=end_ms - 1), length, unit)
        return
    first = max(first_day * DAY_MINUTES, source.first_minute)
    for minute in range(first, (first_day + file.days) * DAY_MINUTES):
        yield agg_trade_lines(source.trades(minute), unit)


def kline_lines(rows: Candles, interval_ms: int, unit: int) -> str:
    """Return the CSV lines of klines."""
    prices = (rows.open_e8, rows.high_e8, rows.low_e8, rows.close_e8, rows.volume_e8)
    sums = (rows.quote_e8, rows.trades, rows.taker_e8, rows.taker_quote_e8)
    columns = (column.tolist() for column in (rows.open_ms, *prices, *sums))
    return "".join(
        f"{at * unit},{decimal(o)},{decimal(h)},{decimal(low)},{decimal(c)},{decimal(v)},"
        f"{(at + interval_ms) * unit - 1},{decimal(q)},{n},{decimal(tv)},{decimal(tq)},0\n"
        for at, o, h, low, c, v, q, n, tv, tq in zip(*columns, strict=True)
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


def _no_such_key(path: str) -> Response:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code>'
        f"<Message>The specified key does not exist.</Message><Key>{path[1:]}</Key></Error>"
    )
    return Response(body, 404, media_type="application/xml")
