"""What the exchange does to its clients: a body for `/admin/faults`, drawn by lot."""

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

Body = dict[str, Any]
_LONGEST_S: Final = 30.0
# Their symbols are told apart, so that minutes that nothing can prove stay few and known.
RESTARTED: Final = "DOTUSDT"  # its ids begin again
DOUBTED: Final = "SOLUSDT"  # its trades are in two aggregates


def lie(random: Random, symbols: Sequence[str]) -> tuple[str, float, str]:
    """Return the name of a lie, how many seconds it lasts, and its body in JSON."""
    kinds = list(_WEIGHTS)
    (kind,) = random.choices(kinds, [_WEIGHTS[name] for name in kinds])
    for_s = round(random.uniform(2, _LONGEST_S), 1)
    body = {"kind": kind} | _BODIES[kind](random, symbols)
    if kind in {"halt", "reset-ids"}:
        return _name(body), 0.0, json.dumps(body)  # it lasts for whole minutes of the market
    return _name(body), for_s, json.dumps(body | {"for_ms": round(for_s * 1000)})


def _name(body: Body) -> str:
    about = (str(body[key]) for key in ("how", "what", "status", "symbol") if key in body)
    return " ".join((body["kind"], *about))


def _on_frames(random: Random) -> Body:
    return {
        "seed": random.randrange(1000),
        "stream": random.choice(["aggTrade", "kline", "*"]),
        "probability": random.choice([0.01, 0.05, 0.2, 0.5]),
        "per_connection": random.random() < 0.5,
    }


def _malformed(random: Random, _: Sequence[str]) -> Body:
    how = random.choice(["truncated", "not-json", "missing-field", "bad-number"])
    return _on_frames(random) | {"how": how}


def _ahead(random: Random, symbols: Sequence[str]) -> Body:
    return {
        "what": random.choice(["event", "trade", "id", "candle", "unknown"]),
        "by": random.choice([200_000, 7_200_000, 10**10]),
        "symbol": random.choice(symbols),
        "count": random.randrange(1, 9),
    }


def _contradict(random: Random, _: Sequence[str]) -> Body:
    how = random.choice(["same-id", "same-id", "same-trade"])
    return {"how": how, "symbol": DOUBTED, "stream": "aggTrade", "count": 1}


def _error(random: Random, _: Sequence[str]) -> Body:
    return {
        "status": random.choice([403, 404, 418, 429, 500, 502, 503]),
        "probability": random.choice([0.3, 0.7, 1.0]),
        "path": random.choice(["", "aggTrades", "klines", "exchangeInfo"]),
    }


def _archive(random: Random, _: Sequence[str]) -> Body:
    hows = ["flipped", "truncated", "cut-before-checksum", "reissued", "missing", "ids-back"]
    return {"how": random.choice([*hows, "trade-twice"]), "count": random.randrange(1, 5)}


def _klines(random: Random, symbols: Sequence[str]) -> Body:
    how = random.choice(["off-grid", "impossible", "lacking", "wrong", "early"])
    where = random.choice(["rest", "daily", "everywhere"])
    return {"symbol": random.choice(symbols), "how": how, "where": where}


def _halt(random: Random, symbols: Sequence[str]) -> Body:
    status = random.choice(["TRADING", "HALT", "BREAK", "UNLISTED"])
    others = [name for name in symbols if name != RESTARTED]
    return {"symbol": random.choice(others), "status": status, "minutes": random.randrange(1, 3)}


_BODIES: Final[dict[str, Callable[[Random, Sequence[str]], Body]]] = {
    "drop": lambda random, _: _on_frames(random),
    "duplicate": lambda random, _: _on_frames(random),
    "reorder": lambda random, _: _on_frames(random),
    "delay": lambda random, _: _on_frames(random) | {"delay_ms": random.randrange(10, 20_000)},
    "malformed": _malformed,
    "ahead": _ahead,
    "contradict": _contradict,
    "cut": lambda random, _: {"every_ms": random.randrange(2_000, 20_000)},
    "silence": lambda random, _: {"probability": random.choice([0.5, 1.0])},
    "shutdown": lambda random, _: {"grace_ms": random.randrange(10_000)},
    "lifetime": lambda *_: {},
    "rest-lag": lambda random, _: {
        "lag_ms": random.randrange(20_000),
        "lag_ids": random.randrange(200),
    },
    "rest-error": _error,
    "rest-delay": lambda random, _: {"delay_ms": random.randrange(3_000)},
    "rest-drip": lambda random, _: {"every_ms": random.randrange(1, 2_000)},
    "rest-ahead": lambda random, _: {"what": random.choice(["trade", "id"]), "count": 3},
    "rest-hour": lambda *_: {},
    "archive": _archive,
    "klines": _klines,
    "halt": _halt,
    "reset-ids": lambda *_: {"symbol": RESTARTED},
}
_WEIGHTS: Final = dict.fromkeys(_BODIES, 2.0) | {
    "drop": 4.0,
    "rest-error": 5.0,
    "cut": 3.0,
    "halt": 0.7,
    "reset-ids": 0.3,
}
