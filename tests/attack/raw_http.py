"""1d and 1e: bytes that are almost HTTP, and requests that are huge, slow, or never end."""

import socket
import time
from contextlib import ExitStack, suppress
from typing import Final

import httpx

from tests.attack.tally import Fault, Tally
from tests.attack.web import at_once, url_of
from tests.attack.world import World
from tests.support.stack import Stack, eventually

_PATIENCE_S: Final = 20.0
_QUICK_S: Final = 10.0
_HOST: Final = b"Host: x\r\n"
_GET: Final = b"GET /livez HTTP/1.1\r\n"
_POST: Final = b"POST /v1/candles/search HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
_NEXT: Final = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
_AMBIGUOUS: Final = (  # two ways to tell where the body ends: nobody may choose one
    b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    b"Content-Length: 5, 6\r\n\r\nhello",
    b"Content-Length: -5\r\n\r\n",
    b"Content-Length: +5\r\n\r\nhello",
    b"Content-Length: 0x5\r\n\r\nhello",
    b"Content-Length: 5 5\r\n\r\nhello",
    b"Content-Length: 99999999999999999999999\r\n\r\n",
    b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n1 \r\na\r\n0\r\n\r\n",
)
_BROKEN: Final = (
    _GET + b"Host: x\r\nX: a\r\n folded\r\n\r\n",
    _GET + b"Host: x\r\nX: a\0b\r\n\r\n",
    _GET + b"Host: x\r\nX\0: a\r\n\r\n",
    _GET + b"Host: x\r\nX a\r\n\r\n",
    _GET + b"Host: x\r\n: a\r\n\r\n",
    _GET + b"Host: x\r\nX: a\rb\r\n\r\n",
    b"GET /livez HTTP/3.0\r\nHost: x\r\n\r\n",
    b"GET /livez HTTP/1.\r\nHost: x\r\n\r\n",
    b"GET /livez HTTPS/1.1\r\nHost: x\r\n\r\n",
    b"GET /liv\0ez HTTP/1.1\r\nHost: x\r\n\r\n",
    b"G\xffT /livez HTTP/1.1\r\nHost: x\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 100,
    b"\0" * 1_000,
    b"\r\n" * 1_000,
    b"\xff" * 1_000,
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    _GET + _HOST + b"X: " + b"a" * 100_000 + b"\r\n\r\n",
    _GET + _HOST + b"X: a\r\n" * 20_000 + b"\r\n",
)
_HARMLESS: Final = (  # odd, but they mean one thing: any answer is right that is not a fault
    b"GET /livez\r\n\r\n",
    b"GET /livez HTTP/0.9\r\n\r\n",
    b"GET  /livez HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET http://evil.example/livez HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET /livez HTTP/1.1\r\n\r\n",
    b"GET /livez HTTP/1.0\r\n\r\n",
    b"HEAD /livez HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost: x\r\nRange: bytes=0-,0-,0-\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n" * 50,
)


def attack_bytes(world: World, tally: Tally) -> None:
    """Send each and read the answer; what is ambiguous or broken is refused, and ends there."""
    refused = [_POST + body + _NEXT for body in _AMBIGUOUS] + list(_BROKEN)
    for raw in world.some(refused, in_short=40):
        answer = _told(world.stack, raw, tally)
        if b"HTTP/1.1 2" in answer or b"HTTP/1.1 404" in answer:
            tally.blame(Fault.ACCEPTED, f"{raw[:120]!r} got {answer[:60]!r}")
    for raw in _HARMLESS:
        _told(world.stack, raw, tally)


def attack_connections(world: World, tally: Tally) -> None:
    """Hold half requests and pour headers without end; others are answered meanwhile."""
    many = 100 if world.is_short else 400
    with ExitStack() as held:
        halves = [_half(world.stack, number) for number in range(many)]
        for half in halves:
            held.callback(half.close)
        at_once([lambda: _pour(world.stack, tally)] * (2 if world.is_short else 6))
        tally.tried += many
        _others_are_quick(world.stack, tally)
        if not world.is_short:
            _are_let_go(halves, tally)


def _half(stack: Stack, number: int) -> socket.socket:
    """Begin a request of one of four kinds, as the first or the second of its connection."""
    half = _connected(stack)
    if number % 2:
        half.sendall(_GET + _HOST + b"\r\n")
        half.recv(4096)
    begun = (_GET + b"Host:", _POST + b"Content-Length: 9\r\n\r\n{", b"G", _GET + _HOST + b"X: a")
    half.sendall(begun[number // 2 % 4])
    return half


def _pour(stack: Stack, tally: Tally) -> None:
    """Send one header of 64 MB; the server must end that long before its end."""
    tally.tried += 1
    began_s = time.monotonic()
    with _connected(stack) as connection, suppress(OSError):
        connection.sendall(_GET + _HOST + b"\r\n")
        connection.recv(4096)
        connection.sendall(_GET + _HOST + b"X: ")
        for _ in range(256):
            connection.sendall(b"a" * 262_144)
        tally.blame(Fault.ACCEPTED, "a header of 64 MB was read to its end")
    if (took_s := time.monotonic() - began_s) > _PATIENCE_S:
        tally.blame(Fault.SILENCE, f"a header of 64 MB was refused only after {took_s:.0f} s")


def _others_are_quick(stack: Stack, tally: Tally) -> None:
    began_s = time.monotonic()
    try:
        for path in ("/livez", "/v1/candles?symbol=BTCUSDT", "/healthcheck"):
            httpx.get(f"{url_of(stack)}{path}", timeout=_QUICK_S)
    except httpx.HTTPError as error:
        took_s = time.monotonic() - began_s
        tally.blame(Fault.SILENCE, f"others were not answered for {took_s:.0f} s: {error!r}")


def _are_let_go(halves: list[socket.socket], tally: Tally) -> None:
    """Hold the API to its limit of a whole request."""

    def open_ones() -> list[socket.socket]:
        return [half for half in halves if _is_open(half)]

    try:
        eventually(lambda: not open_ones(), within_s=60)
    except AssertionError:
        tally.blame(Fault.ACCEPTED, f"{len(open_ones())} half requests were kept for a minute")


def _is_open(half: socket.socket) -> bool:
    half.settimeout(0)
    try:
        return bool(half.recv(4096))
    except BlockingIOError:
        return True
    except OSError:
        return False


def _told(stack: Stack, raw: bytes, tally: Tally) -> bytes:
    tally.tried += 1
    answer = b""
    with _connected(stack) as connection, suppress(ConnectionError):
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        try:
            while piece := connection.recv(65_536):
                answer += piece
        except TimeoutError:
            tally.blame(Fault.SILENCE, f"no end of the answer to {raw[:80]!r}")
    for line in answer.split(b"\r\n"):
        if line.startswith(b"HTTP/1.1 ") and line[9:12].isdigit():
            has_wait = b"retry-after" in answer.lower()
            tally.answered(int(line[9:12]), raw[:80], retry_after=has_wait)
    if b"Traceback" in answer:
        tally.blame(Fault.TRACE, f"in the answer to {raw[:80]!r}")
    return answer


def _connected(stack: Stack) -> socket.socket:
    return socket.create_connection(("127.0.0.1", stack.ports["api"]), _PATIENCE_S)
