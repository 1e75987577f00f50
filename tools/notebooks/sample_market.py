"""Records of the simulated exchange's market: candles, coins, predictions. No server, no clock.

BTC and ETH are candles recorded from Binance, on their original days; all others are generated.
Predictions are made from these candles by the step that also runs live.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
from starlette.applications import Starlette

from candlewick.exchange.faults.active import ActiveFaults
from candlewick.exchange.market.columns import Candles
from candlewick.exchange.market.intervals import DAY_MS, INTERVALS
from candlewick.exchange.market.klines import klines
from candlewick.exchange.opening import Opened, opened
from candlewick.exchange.options import Options
from candlewick.exchange.server.coingecko import CoinGecko
from processors.prediction.prequential import Step, step
from processors.prediction.state import start_state
from producers.coingecko.parse import parse_coins, parse_days
from schemas.coins import Coin, CoinDay
from schemas.market import NO_TRADE_ID, Candle, CandleSource, CandleStatus
from schemas.timeframe import Interval

NOW_MS = 1_755_259_200_000  # 2025-08-15 12:00 UTC: the recorded days keep their dates
COIN_DAYS = 365


@dataclass(frozen=True, slots=True)
class SampleMarket:
    """The market as it stood at `NOW_MS`."""

    place: Opened

    @classmethod
    def open(cls) -> "SampleMarket":
        """Open the market; it has the same rows every time."""
        return cls(opened(Options(start_ms=NOW_MS, speed=0.0)))

    @property
    def symbols(self) -> list[str]:
        """All trading pairs."""
        return list(self.place.market)

    def candles(self, symbol: str, interval: Interval, days: float) -> list[Candle]:
        """Return the exchange's candles of the last days, oldest first."""
        source = self.place.market[symbol]
        begin = interval.open_of(NOW_MS - int(days * DAY_MS))
        last = NOW_MS - interval.ms
        found = klines(source, INTERVALS[interval.value], begin, last, visible_ms=NOW_MS)
        return [_candle(symbol, interval, found, row) for row in range(len(found))]

    def steps(self, symbol: str, days: float) -> Iterator[Step]:
        """Yield the prediction step of each minute of the last days, from a cold start."""
        minutes = self.candles(symbol, Interval.ONE_MINUTE, days)
        state = start_state(symbol)
        for minute in minutes:
            taken = step(state, minute)
            state = taken.state
            yield taken

    def coins(self) -> tuple[list[Coin], list[CoinDay]]:
        """Return the simulated CoinGecko's coins, and their days of the last year."""
        return asyncio.run(self._coins())

    async def _coins(self) -> tuple[list[Coin], list[CoinDay]]:
        gecko = CoinGecko(self.place.clock, self.place.market, ActiveFaults())
        transport = httpx.ASGITransport(Starlette(routes=gecko.routes()))
        async with httpx.AsyncClient(transport=transport, base_url="http://sample") as client:
            answer = await client.get("/api/v3/coins/markets")
            coins = parse_coins(answer.content, fetched_ms=NOW_MS)
            days: list[CoinDay] = []
            for coin in coins:
                path = f"/api/v3/coins/{coin.coin_id}/market_chart"
                chart = await client.get(path, params={"days": COIN_DAYS})
                days += parse_days(chart.content, coin.coin_id, fetched_ms=NOW_MS)
        return coins, days


def _candle(symbol: str, interval: Interval, found: Candles, row: int) -> Candle:
    open_ms = int(found.open_ms[row])
    return Candle(
        symbol=symbol,
        interval=interval.value,
        open_ms=open_ms,
        close_ms=open_ms + interval.ms,
        open_e8=int(found.open_e8[row]),
        high_e8=int(found.high_e8[row]),
        low_e8=int(found.low_e8[row]),
        close_e8=int(found.close_e8[row]),
        volume_e8=int(found.volume_e8[row]),
        quote_volume_e8=int(found.quote_e8[row]),
        trade_count=int(found.trades[row]),
        taker_buy_volume_e8=int(found.taker_e8[row]),
        taker_buy_quote_volume_e8=int(found.taker_quote_e8[row]),
        first_trade_id=NO_TRADE_ID,
        last_trade_id=NO_TRADE_ID,
        price_variation_e16=None,
        status=CandleStatus.OFFICIAL.value,
        revision=1,
        source=CandleSource.REST.value,
        event_ms=open_ms + interval.ms,
    )
