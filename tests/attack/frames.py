"""4a: frames through the parser, in memory: every field absurd, every byte cut or changed."""

from typing import Any, Final

import orjson

from producers.binance.parse import Frame, parse_frame
from schemas.errors import PoisonMessage
from schemas.market import Candle, Trade
from schemas.validation import validate
from tests.attack.tally import Fault, Tally
from tests.attack.world import World

_AT_MS: Final = 1_755_259_200_000
_TRADE: Final = {
    "e": "aggTrade", "E": _AT_MS + 9, "s": "BTCUSDT", "a": 7, "p": "100.5", "q": "0.25",
    "f": 70, "l": 71, "T": _AT_MS + 1, "m": True, "M": True,
}  # fmt: skip
_SINGLE: Final = {
    "e": "trade", "E": _AT_MS + 9, "s": "BTCUSDT", "t": 70, "p": "100.5", "q": "0.25",
    "T": _AT_MS + 1, "m": False, "M": True,
}  # fmt: skip
_KLINE: Final = {
    "t": _AT_MS, "T": _AT_MS + 59_999, "s": "BTCUSDT", "i": "1m", "f": 70, "L": 90, "o": "100",
    "c": "101", "h": "103", "l": "99", "v": "5", "n": 21, "x": True, "q": "503", "V": "2",
    "Q": "201", "B": "0",
}  # fmt: skip
_CANDLE: Final = {"e": "kline", "E": _AT_MS + 60_009, "s": "BTCUSDT", "k": _KLINE}
_ABSURD: Final[tuple[Any, ...]] = (
    None, True, [], {}, [1], "", " ", "x", "-1", "1e2", "NaN", "Infinity", "0", "0x1", "1_0",
    "\u0663", "1.123456789", "9" * 400, "<img src=x>", "A" * 65, -1, 0, 1.5, 1e308, 2**31,
    2**53 + 1, 2**63 - 1, -(2**63), 2**64 - 1,
)  # fmt: skip
_FALSE: Final[tuple[tuple[str, Any], ...]] = (  # nobody may call these true
    ("p", "0"), ("p", "-1"), ("q", "0"), ("q", "-0.5"), ("a", -1), ("f", -5), ("l", 69),
    ("T", -1), ("T", 2**63 - 1), ("E", 2**63 - 1), ("s", ""), ("s", "<img>"),
)  # fmt: skip
_FALSE_KLINE: Final[tuple[tuple[str, Any], ...]] = (
    ("o", "0"), ("l", "104"), ("h", "98"), ("h", "-1"), ("n", -1), ("t", -1), ("t", _AT_MS + 1),
    ("v", "-1"), ("i", "7m"), ("f", -5), ("L", 60),
)  # fmt: skip
_RAW: Final = 600


def attack(world: World, tally: Tally) -> None:
    """Parse each: it is refused, or what comes of it can be true."""
    frames = [_TRADE, _SINGLE, _CANDLE]
    absurd = [frame | {name: value} for frame in frames for name in frame for value in _ABSURD]
    absurd += [_CANDLE | {"k": _KLINE | {name: value}} for name in _KLINE for value in _ABSURD]
    absurd += [{n: v for n, v in frame.items() if n != name} for frame in frames for name in frame]
    for frame in absurd:
        _parsed(tally, orjson.dumps(frame))
        _parsed(tally, orjson.dumps({"stream": "x", "data": frame}))
    for raw in (orjson.dumps(frame) for frame in frames):
        for _ in range(_RAW // len(frames)):
            broken = bytearray(raw)
            broken[world.random.randrange(len(broken))] = world.random.randrange(256)
            _parsed(tally, bytes(broken))
            _parsed(tally, raw[: world.random.randrange(len(raw))])
    false = [_TRADE | {name: value} for name, value in _FALSE]
    false += [_CANDLE | {"k": _KLINE | {name: value}} for name, value in _FALSE_KLINE]
    for frame in false:
        if _parsed(tally, orjson.dumps(frame)) is not None:
            tally.blame(Fault.ACCEPTED, orjson.dumps(frame).decode())
    for raw in (b"", b"null", b"1", b"[" * 100_000, b'"' + b"x" * 1_000_000, b"\xff", b"{" * 9_999):
        _parsed(tally, raw)


def _parsed(tally: Tally, raw: bytes) -> Frame | None:
    tally.tried += 1
    try:
        frame = parse_frame(raw)
    except PoisonMessage:
        return None
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        tally.blame(Fault.CRASH, f"{error!r} for {raw[:120]!r}")
        return None
    if isinstance(frame.value, Trade | Candle):
        try:
            validate(frame.value)
        except ValueError as error:
            tally.blame(Fault.ACCEPTED, f"{error} in {raw[:200]!r}")
    return frame
