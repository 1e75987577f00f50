"""The trades of one symbol of the simulated exchange, and how they look on the wire."""

from typing import TYPE_CHECKING, Any

import orjson

from schemas.market import Trade

if TYPE_CHECKING:
    from tests.simulation.world import World

E8 = 10**8


class Market:
    """The trades of one symbol."""

    def __init__(self, symbol: str, first_id: int) -> None:
        self.symbol = symbol
        self.first_id = first_id
        self.trades: list[Trade] = []
        self._price = 100 * E8

    def trade(self, world: "World", event_ms: int) -> Trade:
        rng = world.rng
        self._price = max(E8, self._price + rng.randrange(-5, 6) * E8 // 100)
        before = self.trades[-1] if self.trades else None
        first = 10 * self.first_id if before is None else before.last_trade_id + 1
        trade = Trade(
            symbol=self.symbol,
            agg_id=self.first_id + len(self.trades),
            price_e8=self._price,
            quantity_e8=rng.randrange(1, 50) * E8 // 1_000,
            first_trade_id=first,
            last_trade_id=first + rng.choice((0, 0, 0, 1, 4)),
            event_ms=event_ms,
            taker_sold=rng.random() < 0.5,
        )
        self.trades.append(trade)
        return trade

    def from_id(self, agg_id: int) -> list[Trade]:
        return self.trades[max(0, agg_id - self.first_id) :]


def _decimal(value_e8: int) -> str:
    return f"{value_e8 // E8}.{value_e8 % E8:08d}"


def wire_of(trade: Trade) -> dict[str, Any]:
    """Return a trade under the exchange's letters."""
    return {
        "a": trade.agg_id, "p": _decimal(trade.price_e8), "q": _decimal(trade.quantity_e8),
        "f": trade.first_trade_id, "l": trade.last_trade_id, "T": trade.event_ms,
        "m": trade.taker_sold, "M": True,
    }  # fmt: skip


def frame_of(trade: Trade, sent_ms: int, *, is_unusual: bool) -> bytes:
    """Return a frame of a combined stream; an unusual one is right, and takes the slow way."""
    wire = {"e": "aggTrade", "E": sent_ms, "s": trade.symbol} | wire_of(trade)
    if is_unusual:
        wire["new"] = 1
    return orjson.dumps({"stream": f"{trade.symbol.lower()}@aggTrade", "data": wire})


def candle_frame_of(trade: Trade, sent_ms: int) -> bytes:
    """Return a frame of the open candle of a trade: here it is read for its newest trade id."""
    price, quantity, none = _decimal(trade.price_e8), _decimal(trade.quantity_e8), _decimal(0)
    quote = _decimal(trade.price_e8 * trade.quantity_e8 // E8)
    open_ms = trade.event_ms // 60_000 * 60_000
    candle = dict.fromkeys("ohlc", price) | {
        "i": "1m", "x": False, "t": open_ms, "T": open_ms + 59_999, "n": trade.fills,
        "v": quantity, "q": quote, "V": none, "Q": none,
        "f": trade.first_trade_id, "L": trade.last_trade_id,
    }  # fmt: skip
    data = {"e": "kline", "E": sent_ms, "s": trade.symbol, "k": candle}
    return orjson.dumps({"stream": f"{trade.symbol.lower()}@kline_1m", "data": data})
