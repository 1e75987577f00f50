"""3c: blocks of trades that come from the future, jump, overlap, or are of unequal columns."""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import numpy as np

from schemas import codecs, topics
from schemas.errors import PoisonMessage
from schemas.market import TradeBlock, empty_block
from schemas.rules.market import AHEAD_MS
from tests.attack.absurd import a_false_block
from tests.attack.kafka import Poison, blame_burials, newest_messages, send
from tests.attack.tally import Fault, Tally
from tests.attack.world import World
from tests.support.builders import a_block, a_trade
from tests.support.stack import Stack, eventually

_LAST_ID: Final = 2**63 - 1
_HOUR_MS: Final = 3_600_000
_FAR_MS: Final = 4_102_444_800_000
_MOST_READ: Final = 4_000


def attack(world: World, tally: Tally) -> None:
    """Send them under one symbol; each must be buried, and the symbol's candles go on."""
    symbol = world.stack.symbols[-1]
    agg_id, trade_id = _next_ids(world.stack, symbol)
    every = list(_blocks(symbol, agg_id, trade_id))
    chosen = world.some(every, in_short=20)
    tally.tried = len(chosen)
    blame_burials(world.stack, send(world.stack, chosen), tally, Fault.ACCEPTED)
    # What came before may come again, and must change nothing.
    tally.tried += len(again := _again(world, symbol))
    send(world.stack, again)


def _blocks(symbol: str, agg_id: int, trade_id: int) -> Iterator[Poison]:
    now_ms = time.time_ns() // 1_000_000

    def block(at_ms: int = now_ms, **changes: Any) -> TradeBlock:
        trade = a_trade(agg_id, symbol=symbol, event_ms=at_ms, first_trade_id=trade_id)
        return replace(a_block([trade], watermark_ms=now_ms), received_ms=now_ms, **changes)

    for ahead_ms in (AHEAD_MS + 1_000, 60_000, 2 * _HOUR_MS, 48 * _HOUR_MS):
        yield a_false_block(block(now_ms + ahead_ms), f"a trade {ahead_ms} ms ahead")
        yield a_false_block(
            block(watermark_ms=now_ms + ahead_ms), f"a watermark {ahead_ms} ms ahead"
        )
    for at_ms in (_FAR_MS - 1, _FAR_MS, _LAST_ID, -_LAST_ID, 0):
        yield a_false_block(block(at_ms), f"a trade of {at_ms} ms")
    for at_id in (-1, -_LAST_ID, 2**62 + 1, _LAST_ID):
        yield a_false_block(block(first_agg_id=at_id), f"aggregate id {at_id}")
    for at_id in (-2, -_LAST_ID - 1, _LAST_ID):
        yield a_false_block(block(first_trade_id=at_id), f"trade id {at_id}")
    for jump in (50_000, 1_000_000, 10**15, 2**62 - agg_id - 1):
        yield a_false_block(block(first_agg_id=agg_id + jump), f"a jump of {jump}")
        empty = empty_block(
            symbol,
            next_agg_id=agg_id + jump + 7,  # else it would prove the one before
            next_trade_id=trade_id,
            received_ms=now_ms,
            watermark_ms=now_ms,
        )
        yield a_false_block(empty, f"an empty block that jumps {jump}")
    for name, dtype, value in (
        ("price_e8", np.int64, -1),
        ("price_e8", np.int64, 0),
        ("quantity_e8", np.int64, -_LAST_ID),
        ("fills", np.int32, -1),
        ("fills", np.int32, 0),
        ("taker_sold", np.uint8, 2),
    ):
        yield a_false_block(block(**{name: np.array([value], dtype)}), f"{name} of {value}")
    for name in ("price_e8", "quantity_e8", "fills", "taker_sold", "event_ms"):
        column = getattr(block(), name)
        yield a_false_block(block(**{name: column[:0]}), f"{name} is shorter than the others")
        twice = np.concatenate([column, column])
        yield a_false_block(block(**{name: twice}), f"{name} is longer than the others")
    for key in (b"EVILKEY", b"BTCUSDT", b"", symbol.lower().encode(), f"{symbol} ".encode()):
        yield replace(a_false_block(block(), f"under the key {key!r}"), key=key)


def _again(world: World, symbol: str) -> list[Poison]:
    """Return blocks that came before: whole, and cut so that they overlap others."""
    found: list[Poison] = []
    for block in world.random.sample(blocks := _recent(world.stack, symbol), min(10, len(blocks))):
        cut = replace(
            block,
            **{name: getattr(block, name)[: (len(block) + 1) // 2] for name in codecs._COLUMNS},
        )
        found += [a_false_block(block, "came before"), a_false_block(cut, "overlaps")]
    return found


def _next_ids(stack: Stack, symbol: str) -> tuple[int, int]:
    newest = _recent(stack, symbol)[-1]
    return newest.next_agg_id, newest.next_trade_id


def _recent(stack: Stack, symbol: str) -> list[TradeBlock]:
    """Return the newest blocks of a symbol, as Kafka has them."""
    found: list[TradeBlock] = []

    def has_some() -> bool:
        found.clear()
        for message in newest_messages(stack, topics.TRADES, most=_MOST_READ):
            try:
                block = codecs.record_in(TradeBlock, message)
            except PoisonMessage:
                continue
            if block.symbol == symbol and len(block):
                found.append(block)
        return bool(found)

    eventually(has_some, stack.logs)
    # What jumps to where nothing is yet was sent by us.
    usual = sorted(found, key=lambda block: block.first_agg_id)[len(found) // 2].first_agg_id
    return [block for block in found if abs(block.first_agg_id - usual) < 40_000]
