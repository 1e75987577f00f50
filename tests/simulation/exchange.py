"""A simulated exchange: trades with contiguous ids, frames of its stream, answers of its REST."""

import asyncio
from bisect import bisect_right
from typing import TYPE_CHECKING, Any

import httpx
import orjson

from producers.binance.urls import StreamAddress
from producers.binance.websocket import Connection
from schemas.errors import Transient
from schemas.market import Trade
from tests.simulation.market import Market, candle_frame_of, frame_of, wire_of
from tests.simulation.socket import Socket

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.world import World

SYMBOLS = ("BTCUSDT", "ETHUSDT", "XRPUSDT")
PAST_MS = 20 * 60_000  # trades that there were before the simulation began


class Exchange:
    """The exchange, whose clock is right."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.sockets: list[tuple[Socket, frozenset[str], Callable[..., Any]]] = []
        self.markets = {
            symbol: Market(symbol, world.rng.randrange(1, 10_000)) for symbol in world.symbols
        }
        self.is_trading = True
        self.rest_is_away = False
        now_ms = world.clock.now_ms
        for market, pace_ms in zip(self.markets.values(), world.paces_ms, strict=True):
            at_ms = now_ms - PAST_MS
            while at_ms < now_ms:
                market.trade(world, at_ms)
                at_ms += world.rng.randrange(1, 4 * pace_ms)
            world.after(world.rng.randrange(pace_ms), lambda m=market, p=pace_ms: self._go_on(m, p))
        world.after(5_000, self._ping)

    def _go_on(self, market: Market, pace_ms: int) -> None:
        world, rng = self._world, self._world.rng
        if not self.is_trading:
            return
        for _ in range(rng.choice((1, 1, 1, 2, 5))):
            self._push(market.trade(world, world.clock.now_ms))
        world.after(rng.randrange(1, 2 * pace_ms), lambda: self._go_on(market, pace_ms))

    def _push(self, trade: Trade) -> None:
        world, rng, odds = self._world, self._world.rng, self._world.odds
        for socket, carried, soon in list(self.sockets):
            if trade.symbol not in carried:
                continue
            # What its trades lack, its candles tell: without this nobody could know.
            told = candle_frame_of(trade, world.clock.now_ms)
            world.after(400, lambda s=socket, f=told, soon=soon: soon(s.receive, [f]))
            if rng.random() < odds.frame_drops:
                continue
            frame = frame_of(trade, world.clock.now_ms, is_unusual=rng.random() < 0.2)
            for _ in range(2 if rng.random() < odds.frame_doubles else 1):
                late_ms = rng.randrange(300) if rng.random() < odds.frame_delays else 0
                world.after(1 + late_ms, lambda s=socket, f=frame, soon=soon: soon(s.receive, [f]))

    def _ping(self) -> None:
        for socket, _, soon in list(self.sockets):
            soon(socket.ping)
        self._world.after(5_000, self._ping)

    def cut(self) -> None:
        """Cut all connections; a trade that comes just then is on none of them."""
        for socket, _, soon in self.sockets:
            soon(socket.cut)
        self.sockets.clear()
        for market in self.markets.values():
            if self._world.rng.random() < 0.5:
                market.trade(self._world, self._world.clock.now_ms)

    async def open_connection(
        self, address: StreamAddress, take: Any, on_ping: Any, **_: Any
    ) -> Connection:
        """Stand for `producers.binance.websocket.open_connection`."""
        world, loop = self._world, asyncio.get_running_loop()
        await asyncio.sleep(world.latency_ms() / 1_000)
        if world.rng.random() < world.odds.connect_fails:
            raise Transient("the exchange cannot be reached")
        socket = Socket(loop)
        connection = Connection(socket, address, take, on_ping, 0)
        self.sockets = [one for one in self.sockets if not one[0].is_closed]
        self.sockets.append((socket, address.carried, loop.call_soon))
        return connection

    async def get(self, url: str, *, params: dict[str, Any]) -> httpx.Response:
        """Stand for the HTTP client of `producers.binance.rest.RestClient`."""
        world = self._world
        await asyncio.sleep(world.latency_ms() * 3 / 1_000)
        if self.rest_is_away or world.rng.random() < world.odds.rest_fails:
            status = world.rng.choice((429, 500, 503, 0))
            if not status:
                raise httpx.ConnectError("no answer")
            headers = {"Retry-After": "1"} if status == 429 else {}
            return httpx.Response(status, headers=headers, content=b"{}")
        return httpx.Response(200, content=orjson.dumps(self._answer(url, params)))

    def _answer(self, url: str, params: dict[str, Any]) -> Any:
        world, path = self._world, url.rsplit("/", 1)[1]
        if path == "time":
            return {"serverTime": world.clock.now_ms}
        if path == "exchangeInfo":
            return _info(self.markets)
        if path == "klines":
            return []
        lags = world.rng.random() < world.odds.rest_lags
        lag_ms = world.rng.choice((1_000, 4_000, 1_200_000)) if lags else 0
        market = self.markets[params["symbol"]]
        behind_ms = world.clock.now_ms - lag_ms
        end = bisect_right(market.trades, behind_ms, key=lambda trade: trade.event_ms)
        seen = market.trades[:end]
        if "fromId" in params:
            seen = seen[max(0, params["fromId"] - market.first_id) :][: params["limit"]]
        elif "startTime" in params:
            seen = [t for t in seen if t.event_ms >= params["startTime"]][: params["limit"]]
        else:
            seen = seen[-params["limit"] :]
        return [wire_of(trade) for trade in seen]


def _info(symbols: Any) -> dict[str, Any]:
    limit = {
        "rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 60_000,
    }  # fmt: skip
    rows = [{"symbol": s, "status": "TRADING", "quoteAsset": "USDT"} for s in symbols]
    return {"rateLimits": [limit], "symbols": rows}
