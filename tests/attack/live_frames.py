"""4b: frames that are late, twice, out of order, broken, or tell of times to come."""

from typing import Any, Final

import orjson

from tests.attack.tally import Fault, Tally
from tests.attack.world import World
from tests.support.stack import Stack, eventually

_HOURS_MS: Final = (20_000, 7_200_000, 10**12, 10**15)
_STREAMS: Final = ("aggTrade", "kline")
_HOW: Final = ("truncated", "not-json", "missing-field", "bad-number")


def attack(world: World, tally: Tally) -> None:
    """Ask the exchange for each fault, and wait until it has struck."""
    faults = world.some(_faults(), in_short=8)
    numbers = [_number(world.stack.admin("POST", "faults", fault).content) for fault in faults]
    try:
        eventually(lambda: _hits(world.stack, numbers)[1], within_s=60)
    except AssertionError:
        tally.blame(Fault.SILENCE, "not every fault struck within 60 s: nobody is connected")
    tally.tried = _hits(world.stack, numbers)[0]
    world.stack.admin("DELETE", "faults")


def _faults() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"kind": "ahead", "what": what, "by": by, "count": 2}
        for what in ("event", "trade", "id", "candle", "unknown")
        for by in _HOURS_MS
    ]
    found += [
        {"kind": "malformed", "how": how, "stream": stream, "count": 3}
        for how in _HOW
        for stream in _STREAMS
    ]
    found += [
        {"kind": kind, "stream": stream, "count": 5, **more}
        for stream in _STREAMS
        for kind, more in (
            ("drop", {}),
            ("duplicate", {}),
            ("delay", {"delay_ms": 700}),
            ("reorder", {}),
        )
    ]
    found.append({"kind": "cut", "every_ms": 1_500, "count": 3})
    found.append({"kind": "silence", "for_ms": 3_000})
    found.append({"kind": "shutdown", "grace_ms": 2_000, "for_ms": 1})
    return found


def _number(answer: bytes) -> int:
    return int(orjson.loads(answer)["id"])


def _hits(stack: Stack, numbers: list[int]) -> tuple[int, bool]:
    """Return how often they struck, and whether each one that counts its hits has."""
    told = orjson.loads(stack.admin("GET", "faults").content)["faults"]
    ours = [fault for fault in told if fault["id"] in numbers]
    counted = [fault for fault in ours if fault["fault"].get("count")]
    return sum(fault["hits"] for fault in ours), all(fault["hits"] for fault in counted)
