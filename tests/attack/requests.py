"""1c: parameters, bodies, cursors, paths, methods, the registry, `Last-Event-ID`."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from tests.attack.tally import Tally
from tests.attack.web import ask, at_once, client_of, token_of
from tests.attack.world import World

_TEXTS: Final = (
    "",
    " ",
    "x",
    "%00",
    "\0",
    "\r\nX-Split: 1",
    "' OR 1=1 --",
    "'); DROP TABLE trades; --",
    "{symbol:String}",
    "../../../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "<img src=x onerror=alert(1)>",
    "٣",
    "-٣",
    "e\u0301",
    "\u202e",
    "\ud7ff",
    "A" * 10_000,
    "BTCUSDT," * 300,
    ",",
    "null",
    "true",
    "[]",
    "{}",
)
_NUMBERS: Final = (
    "-1",
    "0",
    "1e2",
    "1.5",
    "NaN",
    "Infinity",
    "-0",
    "+1",
    "0x10",
    "1_0",
    "9" * 19,
    "9" * 400,
    "-" + "9" * 400,
    str(2**63),
    str(2**64),
    "2026-13-01T00:00:00Z",
    "300000-01-01T00:00:00Z",
    "0000-00-00",
    "2026-01-01T00:00:00+99:99",
    "2016-12-31T23:59:60Z",
)
_CURSORS: Final = tuple(
    base64.urlsafe_b64encode(text).decode()
    for text in (b"", b"{}", b"[]", b"null", b"[1e999]", b'{"a":' * 100, b"\xff\xfe", b"1,2,3")
)
_PATHS: Final = (
    "/static/../../../../etc/passwd",
    "/static/%2e%2e/%2e%2e/users.db",
    "/static/..%5c..%5cusers.db",
    "/static//etc/passwd",
    "/static/%00",
    "/%00",
    "/v1",
    "/v1/",
    "//v1/candles",
    "/V1/CANDLES",
    "/v1/candles/",
    "/v1/candles;x=1",
    "/problems/%2e%2e",
    "/problems/" + "x" * 5_000,
    "/v1/users/%2e%2e/password",
    "/v1/models/trainings/9999-999999999999999",
    "/v1/models/trainings/0-٣",
    "/registry/schemas/ids/-1",
    "/registry/schemas/ids/99999999999999999999",
    "/registry/schemas/ids/x",
    "/registry/subjects/%2e%2e/versions/latest",
    "/registry/subjects/market.candles.v1-value/versions/0",
    "/registry/subjects/market.candles.v1-value/versions/-1",
    "/registry/subjects/market.candles.v1-value/versions/" + "9" * 400,
)
_METHODS: Final = ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "X" * 200)
_BODIES: Final = (
    b"",
    b"null",
    b"[]",
    b"{}",
    b"1",
    b'"x"',
    b"\xff\xfe\x00",
    b"{" * 60_000,
    b"[" * 60_000,
    b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    b'{"symbols": ["BTCUSDT"], "limit": 1e400}',
    b'{"symbols": ["BTCUSDT"], "limit": NaN}',
    b'{"symbols": ["BTCUSDT"], "minimum_volume": "\xd9\xa3"}',
    b'{"symbols": ["BTCUSDT"], "minimum_volume": "1e400"}',
    b'{"symbols": ["BTCUSDT"], "minimum_volume": "' + b"9" * 400 + b'"}',
    b'{"symbols": ["\\ud800"]}',
    b'{"symbols": ["BTCUSDT"], "symbols": [{"a": 1}]}',
    b'{"symbols": [' + b'"A",' * 50_000 + b'"A"]}',
    b'{"symbols": ["BTCUSDT"], "fields": ["__class__", "open; DROP TABLE trades"]}',
    b'{"symbols": ["BTCUSDT"], "__proto__": {"admin": true}}',
    b'{"schema": "' + b"[" * 60_000 + b'"}',
    b'{"schema": "{\\"type\\": \\"record\\"}"}',
    b'{"symbol": "BTCUSDT", "from": "x", "to": "y"}',
    b'{"symbol": "BTCUSDT", "from": "9999-12-31T23:59:59Z", "to": "1970-01-01T00:00:00Z"}',
    b'{"username": "\\u0000", "password": "x", "role": "admin"}',
    b'{"username": "ada", "role": {"$ne": null}, "password": ["x"]}',
)
_TYPES: Final = ("application/json", "text/plain", "application/xml", "multipart/form-data", "")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request."""

    method: str
    path: str
    more: dict[str, Any] = field(default_factory=dict)


def attack(world: World, tally: Tally) -> None:
    """Ask everything; only 2xx, 3xx, 4xx and 503 with Retry-After are answers."""
    token = token_of(world.stack, "asker", "admin")
    with client_of(world.stack) as nobody, client_of(world.stack, token) as admin:
        document = nobody.get("/openapi.json").raise_for_status().json()
        every = [*_parameters(document), *_bodies(document), *_elsewhere(document)]
        chosen = world.some(every, in_short=300)
        asks = [
            partial(ask, admin if number % 2 else nobody, tally, one.method, one.path, **one.more)
            for number, one in enumerate(chosen)
        ]
        at_once(asks)


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def _parameters(document: dict[str, Any]) -> Iterator[Asked]:
    for method, path, operation in _operations(document):
        for parameter in operation.get("parameters", ()):
            name, place = parameter["name"], parameter["in"]
            values = (*_TEXTS, *_NUMBERS, *(_CURSORS if name == "cursor" else ()))
            for value in values:
                if place == "query":
                    needed = {} if name == "symbol" else {"symbol": "BTCUSDT"}
                    yield Asked(method, _filled(path), {"params": {**needed, name: value}})
                elif place == "path":
                    yield Asked(method, path.replace(f"{{{name}}}", value.replace("/", "%2F")))
                elif value.strip() and value.isascii() and value.isprintable():
                    yield Asked(method, _filled(path), {"headers": {name: value}})


def _bodies(document: dict[str, Any]) -> Iterator[Asked]:
    for method, path, _ in _operations(document):
        if method == "POST":
            for body in _BODIES:
                headers = {"Content-Type": "application/json"}
                yield Asked(method, _filled(path), {"content": body, "headers": headers})
            for kind in _TYPES:
                more = {"content": b'{"x": 1}', "headers": {"Content-Type": kind}}
                yield Asked(method, _filled(path), more)


def _elsewhere(document: dict[str, Any]) -> Iterator[Asked]:
    yield from (Asked("GET", path) for path in _PATHS)
    for path in document["paths"]:
        yield from (Asked(method, _filled(path)) for method in _METHODS if method != "DELETE")
    for position in ("c0:-1", "c0:" + "9" * 30, "x" * 5_000, "c0:1," * 300, "c999999:1", ":", ",,"):
        yield Asked("GET", "/v1/stream", {"headers": {"Last-Event-ID": position}})
        yield Asked("GET", "/v1/stream", {"params": {"since": position}})
    for accept in ("text/x;q=x", "*/*;q=-1", "," * 3_000, "text/csv;" * 500, "image/png"):
        yield Asked("GET", "/v1/candles?symbol=BTCUSDT", {"headers": {"Accept": accept}})


def _filled(path: str) -> str:
    return path.replace("{", "").replace("}", "")
