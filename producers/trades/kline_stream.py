"""Publisher of the exchange's closed candles, from the stream and, where it lacks some, REST."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from clients.clock import steady_ms
from clients.watching.log import EventLog
from clients.watching.metrics import RETRIES
from producers.binance.rest import RestClient
from producers.trades.counters import Counts
from producers.trades.exchange_clock import ExchangeClock
from producers.trades.klines import KlineTrack
from producers.trades.outlet import Outlet
from schemas.errors import Transient
from schemas.market import Candle
from schemas.timeframe import Interval

_log = EventLog(__name__)
INTERVALS: Final = (Interval.ONE_MINUTE, Interval.FIFTEEN_MINUTES)
LOOK_S: Final = 1.0


class KlineFlow:
    """The exchange's 1m and 15m candles of all symbols."""

    def __init__(
        self,
        outlet: Outlet,
        counts: Counts,
        stream_ms: Callable[[str], int],
        clock: ExchangeClock,
        is_traded: Callable[[str], bool],
        *,
        unheard: Callable[[Candle], None] = lambda _: None,
    ) -> None:
        """Set up without symbols.

        Args:
            outlet: Receives the candles.
            counts: Counters of the process.
            stream_ms: Returns the newest event time of a symbol's connections.
            clock: The exchange's clock.
            is_traded: Whether a symbol is traded: of another no candle is asked for.
            unheard: Called with each candle that had to be asked of REST.
        """
        self._tracks: dict[tuple[str, str], KlineTrack] = {}
        self._is_traded = is_traded
        self._unheard = unheard
        self._outlet = outlet
        self._counts = counts
        self._stream_ms = stream_ms
        self._clock = clock

    def add(self, symbol: str) -> None:
        """Take a symbol's candles from now on."""
        for interval in INTERVALS:
            self._tracks[symbol, interval.value] = KlineTrack(symbol, interval)

    def remove(self, symbol: str) -> None:
        """Take no more candles of a symbol."""
        for interval in INTERVALS:
            self._tracks.pop((symbol, interval.value), None)

    def start(self, symbol: str, event_ms: int, known_to_ms: Mapping[str, int]) -> None:
        """Start to publish a symbol's candles.

        Args:
            symbol: For example ``BTCUSDT``.
            event_ms: Event time of the first candles, for intervals without a published one.
            known_to_ms: End of the newest published candle, by interval.
        """
        for interval in INTERVALS:
            if (symbol, interval.value) not in self._tracks:
                return  # it is followed no more
            start_ms = known_to_ms.get(interval.value, event_ms)
            self._tracks[symbol, interval.value].start(start_ms)

    def offer(self, candle: Candle) -> None:
        """Accept a closed candle from a connection."""
        track = self._tracks.get((candle.symbol, candle.interval))
        if track is not None:
            track.offer(candle)
            self._publish(track)

    async def repair(self, rest: RestClient) -> None:
        """Request candles from REST that the stream did not bring, until cancelled."""
        while True:
            for track in list(self._tracks.values()):
                self._publish(track)
                due = track.is_due(self._stream_ms(track.symbol), steady_ms())
                if due and self._is_traded(track.symbol):
                    await self._ask(track, rest)
            await asyncio.sleep(LOOK_S)

    async def _ask(self, track: KlineTrack, rest: RestClient) -> None:
        asked_ms = track.next_open_ms
        try:
            candles = await rest.candles_since(track.symbol, track.interval, asked_ms)
        except Transient as error:
            RETRIES.labels("candles").inc()
            _log.warning(
                "candles_retried", "candles of {symbol}: {error}", symbol=track.symbol, error=error
            )
            await asyncio.sleep(error.retry_after_s)
            return
        now_ms = steady_ms()
        believed = [one for one in candles if not self._clock.is_ahead(one.close_ms, now_ms)]
        track.answered(believed, asked_ms, now_ms)
        for candle in believed:
            self._unheard(candle)
        self._publish(track)

    def _publish(self, track: KlineTrack) -> None:
        while (candle := track.ready()) is not None and self._outlet.send(candle):
            track.published()
            self._counts.candles += 1
