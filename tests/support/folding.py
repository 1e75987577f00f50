"""Blocks through the candle reducer, and the candles that a plain loop makes of the same trades."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import orjson

from processors.candles.reducer import fold
from processors.candles.state import CandleRules, CandleState, dump_state, load_state
from schemas.market import Candle, Trade, TradeBlock
from schemas.timeframe import Interval
from tests.support.builders import a_block

RULES = CandleRules()


def folded(
    blocks: Sequence[TradeBlock], state: CandleState | None = None, rules: CandleRules = RULES
) -> tuple[CandleState, list[Candle]]:
    closed: list[Candle] = []
    for block in blocks:
        step = fold(state, block, rules)
        state = load_state(orjson.loads(orjson.dumps(dump_state(step.state))))
        assert state == step.state
        closed += step.closed
    assert state is not None
    return state, closed


def by_hand(trades: Sequence[Trade], interval: Interval) -> dict[int, dict[str, Any]]:
    """Candles by a loop of Python integers over every trade."""
    candles: dict[int, dict[str, Any]] = {}
    for t in (t for t in trades if t.fills):
        open_ms = t.event_ms - t.event_ms % interval.ms
        bought = 0 if t.taker_sold else t.quantity_e8
        c = candles.setdefault(
            open_ms,
            {
                "open_e8": t.price_e8,
                "high_e8": t.price_e8,
                "low_e8": t.price_e8,
                "volume_e8": 0,
                "quote_e16": 0,
                "trade_count": 0,
                "taker_buy_volume_e8": 0,
                "buy_quote_e16": 0,
                "first_trade_id": t.first_trade_id,
                "prices": [],
            },
        )
        c["high_e8"] = max(c["high_e8"], t.price_e8)
        c["low_e8"] = min(c["low_e8"], t.price_e8)
        c["close_e8"] = t.price_e8
        c["volume_e8"] += t.quantity_e8
        c["quote_e16"] += t.price_e8 * t.quantity_e8
        c["trade_count"] += t.fills
        c["taker_buy_volume_e8"] += bought
        c["buy_quote_e16"] += t.price_e8 * bought
        c["last_trade_id"] = t.last_trade_id
        c["prices"].append(t.price_e8)
    for c in candles.values():
        c["quote_volume_e8"] = (c.pop("quote_e16") + 5 * 10**7) // 10**8
        c["taker_buy_quote_volume_e8"] = (c.pop("buy_quote_e16") + 5 * 10**7) // 10**8
        c["price_variation_e16"] = sum((b - a) ** 2 for a, b in pairwise(c.pop("prices")))
    return candles


def chunked(trades: Sequence[Trade], cuts: Sequence[int]) -> list[TradeBlock]:
    bounds = sorted({0, len(trades), *(cut % (len(trades) + 1) for cut in cuts)})
    return [a_block(trades[a:b]) for a, b in pairwise(bounds)]
