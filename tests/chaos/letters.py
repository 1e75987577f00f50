"""Dead letters that hold something good: whoever can read a record should not have buried it."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from decimal import Decimal
from typing import Any, Final

import httpx
import orjson

from candlewick.dead_letters import Buried, read_box, record_of, why_not
from schemas.market import TradeBlock
from schemas.settings import KafkaSettings
from schemas.timeframe import MINUTE_MS
from tests.chaos.held import Minute
from tests.support.stack import Stack

_TRADE: Final = ("a", "p", "q", "f", "l", "T", "m")
_LATEST_MS: Final = 5_000  # an event may be sent so much later than its trade
Ask = Callable[[str, int], dict[str, Any] | None]


def good_letters(stack: Stack, doubted: AbstractSet[Minute]) -> list[str]:
    """Return what dead letters hold that is good.

    Args:
        stack: The running stack.
        doubted: Minutes in which the exchange's trades contradicted each other.
    """

    def ask(symbol: str, agg_id: int) -> dict[str, Any] | None:
        url = f"http://127.0.0.1:{stack.ports['exchange']}/api/v3/aggTrades"
        wanted: dict[str, str | int] = {"symbol": symbol, "fromId": agg_id, "limit": 1}
        answer = httpx.get(url, params=wanted, timeout=30)
        rows = answer.json() if answer.is_success else []
        return rows[0] if rows else None

    return [
        f"dead letter {buried.name} is readable, from {_origin(buried)}"
        for buried in read_box(KafkaSettings(bootstrap_servers=stack.bootstrap))
        if is_good(buried, ask, doubted)
    ]


def is_good(buried: Buried, ask: Ask, doubted: AbstractSet[Minute]) -> bool:
    """Return whether a dead letter holds a record that can be read, or a true frame.

    Args:
        buried: The dead letter.
        ask: Returns the exchange's own aggregate trade of a symbol and an id.
        doubted: See `good_letters`.
    """
    if buried.letter.origin.topic:
        return why_not(buried) is None and not _is_doubted(buried, doubted)
    return is_true_frame(buried.letter.value, ask)


def is_true_frame(raw: bytes, ask: Ask) -> bool:
    """Return whether bytes are the frame of a trade, just as the exchange has it."""
    try:
        data = orjson.loads(raw)
        data = data.get("data", data)
        if data["e"] != "aggTrade" or not 0 <= data["E"] - data["T"] <= _LATEST_MS:
            return False
        theirs = ask(data["s"], data["a"])
        return theirs is not None and all(_same(data[name], theirs[name]) for name in _TRADE)
    except (AttributeError, KeyError, TypeError, ValueError, ArithmeticError):
        return False


def _is_doubted(buried: Buried, doubted: AbstractSet[Minute]) -> bool:
    block = record_of(buried.letter)
    if not isinstance(block, TradeBlock):
        return False
    minutes = (int(ms) // MINUTE_MS * MINUTE_MS for ms in block.event_ms)
    return any((block.symbol, minute) in doubted for minute in minutes)


def _same(ours: object, theirs: object) -> bool:
    return Decimal(str(ours)) == Decimal(str(theirs)) if type(ours) is str else ours == theirs


def _origin(buried: Buried) -> str:
    origin = buried.letter.origin
    where = f"{origin.topic or origin.source[:40]} by {', '.join(buried.readers)}"
    return f"{where}: {origin.reason}"
