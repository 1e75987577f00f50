"""The paths of data.binance.vision, with archive files and their checksums."""

import hashlib
from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from candlewick.exchange.faults.active import ActiveFaults
from candlewick.exchange.faults.archives import damaged
from candlewick.exchange.faults.klines import Change, changed_by, unchanged
from candlewick.exchange.market.cache import Cache
from candlewick.exchange.market.clock import MarketClock
from candlewick.exchange.market.intervals import DAY_MINUTES, DAY_MS, INTERVALS, day_of
from candlewick.exchange.market.source import Market
from candlewick.exchange.server.archive_csv import zipped
from candlewick.exchange.server.archive_folder import ArchiveFolder
from candlewick.exchange.server.archive_names import File, file_of
from candlewick.exchange.server.history import next_agg_id
from candlewick.exchange.server.kline_files import KlineFiles, given_between
from candlewick.exchange.server.resumable import resumable
from candlewick.exchange.server.working import CLOSED, ClientLeft, unless_left

_HELD_BYTES: Final = 16 << 20
# A file with more trades is not served, as files are made in memory.
_MOST_ROWS: Final = 8_000_000


class Archive:
    """Makes archive files on request; the same file always has the same bytes."""

    def __init__(
        self,
        clock: MarketClock,
        market: Market,
        arsenal: ActiveFaults,
        *,
        given: KlineFiles,
        folder: ArchiveFolder,
    ) -> None:
        self._clock = clock
        self._market = market
        self._arsenal = arsenal
        self._given = given
        self._folder = folder
        self._zips: Cache[File, bytes] = Cache(_HELD_BYTES, len)

    def routes(self) -> list[Route]:
        """Return the paths."""
        return [Route("/data/spot/{rest:path}", self._file)]

    async def _file(self, request: Request) -> Response:
        named = file_of(request.url.path)
        if named is None or not self._published(named[0]):
            return _no_such_key(request.url.path)
        file, checksum = named
        armed = self._arsenal.archive_fault(request.url.path, self._clock.now_ms())
        fault, modified_ms = None, file.published_ms
        if armed is not None:
            fault, modified_ms = armed[1], max(modified_ms, armed[0].start_ms)
        if fault is not None and fault.how == "missing":
            return _no_such_key(request.url.path)
        try:
            body = await self._content(request, file)
        except ClientLeft:
            return Response(status_code=CLOSED)
        if fault is not None:
            body = damaged(body, fault.how, checksum=checksum)
        if not checksum:
            return resumable(request, body, "application/zip", modified_ms=modified_ms)
        line = f"{hashlib.sha256(body).hexdigest()}  {file.name}.zip\n".encode()
        return resumable(request, line, "binary/octet-stream", modified_ms=modified_ms)

    async def _content(self, request: Request, file: File) -> bytes:
        span, now_ms = "daily" if file.days == 1 else "monthly", self._clock.now_ms()
        # Trades have no interval, and a fault of every interval is not theirs.
        faults = (
            self._arsenal.kline_faults(file.symbol, file.interval, span, now_ms)
            if file.interval
            else []
        )
        held = self._folder.body(file)
        if held is not None and not faults:
            return held
        if faults:
            change = changed_by(faults, INTERVALS[file.interval], now_ms=now_ms)
            return await unless_left(request, lambda go_on: self._made(file, change, go_on))

        def kept(go_on: Callable[[], None]) -> bytes:
            return self._zips.get(file, lambda: self._made(file, unchanged, go_on))

        return await unless_left(request, kept)

    def _made(self, file: File, change: Change, go_on: Callable[[], None]) -> bytes:
        given = self._given.get((file.symbol, file.interval))
        if self._folder.covers(file.symbol, file.interval):
            given = self._folder.candles(file.name)
        if given is None and file.interval:
            change = self._without_stops(file, change)
        return zipped(self._market[file.symbol], file, given, change, go_on)

    def _without_stops(self, file: File, change: Change) -> Change:
        """Leave out what REST leaves out: the time in which the symbol was not traded."""
        stops, interval = self._arsenal.stops(file.symbol), INTERVALS[file.interval]
        return lambda rows: change(rows.outside(stops, interval.ends(rows.open_ms)))

    def _published(self, file: File) -> bool:
        source = self._market.get(file.symbol)
        if source is None or self._clock.now_ms() < file.published_ms:
            return False
        if self._folder.covers(file.symbol, file.interval):
            return self._folder.body(file) is not None
        first_day, end_day = (day_of(file.first) + days for days in (0, file.days))
        if (file.symbol, file.interval) in self._given:
            given = self._given[file.symbol, file.interval]
            return len(given_between(given, first_day * DAY_MS, end_day * DAY_MS)) > 0
        if not source.first_minute < end_day * DAY_MINUTES <= source.end_minute:
            return False
        if file.interval:
            return True
        rows = next_agg_id(source, end_day * DAY_MS) - next_agg_id(source, first_day * DAY_MS)
        return rows <= _MOST_ROWS


def _no_such_key(path: str) -> Response:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code>'
        f"<Message>The specified key does not exist.</Message><Key>{path[1:]}</Key></Error>"
    )
    return Response(body, 404, media_type="application/xml")
