"""3b: records that can be read, and that cannot be true."""

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any, Final

from schemas import topics
from schemas.codecs import _frame, contract_header
from schemas.market import Candle, TradeBlock
from schemas.topics import Topic
from schemas.validation import key_of, validate
from tests.attack.kafka import Poison, blame_burials, send
from tests.attack.tally import Fault, Tally
from tests.attack.unreadable import topics_of
from tests.attack.world import World
from tools.pages.examples import EXAMPLES

_NUMBERS: Final = (0, -1, -2, 1, 2**31 - 1, -(2**31), 2**62 + 1, 2**63 - 1, -(2**63))
_TEXTS: Final = (
    "",
    "A" * 100_001,
    "<img src=x onerror=alert(1)>",
    "A\0B",
    "../../etc/passwd",
    "'; DROP TABLE trades; --",
    "e\u0301USDT",
    "\u202eTDSUCTB",
)
_FLOATS: Final = (float("nan"), float("inf"), float("-inf"), -1.0, 1e308)
_MINUTE_MS: Final = 60_000
_E8: Final = 10**8
# What nobody may call true, whatever the rules say: the candles that once were stored as they came.
_FALSE_CANDLES: Final[tuple[dict[str, Any], ...]] = (
    {"symbol": ""},
    {"symbol": "A" * 100_000},
    {"symbol": "<img src=x>"},
    {"interval": "7m"},
    {"status": "<img src=x>"},
    {"source": "rumour"},
    {"low_e8": 2 * EXAMPLES[Candle].high_e8},  # type: ignore[union-attr]
    {"open_e8": -_E8},
    {"close_e8": 0},
    {"volume_e8": -1},
    {"quote_volume_e8": 10**39},
    {"trade_count": -5},
    {"trade_count": 2**62},
    {"first_trade_id": -(2**63)},
    {"last_trade_id": 0},
    {"revision": -1},
    {"event_ms": 2**63 - 1},
    {"open_ms": 0, "close_ms": 15 * _MINUTE_MS},
    {"open_ms": -(2**62), "close_ms": 2**62},
    {"price_variation_e16": -1},
)


def attack(world: World, tally: Tally) -> None:
    """Send them; each must be buried, and none may be stored or shown."""
    every = [poison for topic in topics_of(world) for poison in _poisons(topic)]
    chosen = world.some(every, in_short=80)
    chosen += [
        _poison(topic, replace(EXAMPLES[Candle], **changes), str(changes))  # type: ignore[type-var]
        for topic in (topics.CANDLES, topics.CANDLES_LIVE, topics.KLINES)
        for changes in _FALSE_CANDLES
    ]
    landed = send(world.stack, chosen)
    tally.tried = len(chosen)
    blame_burials(world.stack, landed, tally, Fault.ACCEPTED)


def _poisons(topic: Topic) -> Iterator[Poison]:
    assert topic.record is not None
    good: Any = EXAMPLES[topic.record]
    for field in fields(good):
        value = getattr(good, field.name)
        for absurd in _absurd(value):
            record = replace(good, **{field.name: absurd})
            if not _is_valid(record):
                try:
                    yield _poison(topic, record, f"{field.name} = {absurd!r:.30}")
                except (OverflowError, TypeError, ValueError):
                    continue  # no writer of Avro could send it


def _absurd(value: object) -> Iterator[object]:
    if isinstance(value, bool):
        return
    if isinstance(value, int):
        yield from _NUMBERS
    elif isinstance(value, float):
        yield from _FLOATS
    elif isinstance(value, str):
        yield from _TEXTS
    elif isinstance(value, tuple):
        yield from ((5,), (5, 4), (-1, 2**62), tuple(range(100_001)))


def _is_valid(record: object) -> bool:
    try:
        validate(record)
    except ValueError:
        return False
    return True


def _poison(topic: Topic, record: Any, kind: str) -> Poison:
    header = contract_header(type(record))
    return Poison(topic, kind, key_of(record).encode(), _frame(record), (header,))


def a_false_block(block: TradeBlock, kind: str) -> Poison:
    """Return the message of a block, true or not."""
    return _poison(topics.TRADES, block, kind)
