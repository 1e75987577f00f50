"""4c: what an exchange over REST may answer on a bad day, in a moment, in drops, or never."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import httpx

from producers.binance.archive import ArchiveClient
from producers.binance.archive_names import day_file
from producers.binance.rest import RestClient
from producers.coingecko.client import CoinGecko
from schemas.errors import ConfigurationError, Transient
from schemas.settings import CoinsSettings
from schemas.timeframe import Interval
from tests.attack.tally import Fault, Tally
from tests.attack.world import World

_LIMIT_S: Final = 1.0
_PATIENCE_S: Final = 5.0
_LONGEST_WAIT_S: Final = 3 * 86_400
_OK: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
_WAITS: Final = (b"99999999999", b"-1", b"NaN", b"", b"Wed, 21 Oct 2065 07:28:00 GMT", b"9" * 400)
_DROP_S: Final = 0.2
_DAY: Final = day_file("BTCUSDT", Interval.ONE_MINUTE, 1_735_689_600_000)
Call = Callable[[str, httpx.AsyncClient], Awaitable[object]]


def _rest(url: str, http: httpx.AsyncClient) -> RestClient:
    return RestClient(url, http, limit_s=_LIMIT_S)


_CALLS: Final[tuple[Call, ...]] = (
    lambda url, http: ArchiveClient(url, http, limit_s=_LIMIT_S).checksum(_DAY),
    lambda url, http: CoinGecko(CoinsSettings(url=url), http, limit_s=_LIMIT_S).coins(["bitcoin"]),
    lambda url, http: _rest(url, http).server_ms(),
    lambda url, http: _rest(url, http).learn_limits(["BTCUSDT"]),
    lambda url, http: _rest(url, http).trades_from("BTCUSDT", 5),
    lambda url, http: _rest(url, http).candles_since("BTCUSDT", Interval.ONE_MINUTE, 0),
)


def attack(world: World, tally: Tally) -> None:
    """Ask an exchange that answers so; each call ends in time, and never with a stack trace."""
    asyncio.run(_ask_all(world, tally))


def _answers() -> list[bytes]:
    bodies = (
        b"", b"null", b"[]", b"{}", b"[[]]", b"[null]", b"<html>hello</html>", b"[" * 100_000,
        b'{"serverTime": 1e400}', b'{"serverTime": -5}', b'[{"a": 5}]', b"[[1,2,3]]", b"\xff\xfe",
        b'{"rateLimits": [{"rateLimitType": "REQUEST_WEIGHT", "limit": -1}]}',
    )  # fmt: skip
    found = [_with_length(_OK, body) for body in bodies]
    found += [
        _with_length(b"HTTP/1.1 %d X\r\nRetry-After: %s\r\n" % (status, wait), b"{}")
        for status in (403, 418, 429, 451, 500, 503)
        for wait in _WAITS
    ]
    found += [
        _with_length(b"HTTP/1.1 302 Found\r\nLocation: /\r\n", b""),
        _with_length(b"HTTP/1.1 302 Found\r\nLocation: http://\r\n", b""),
        _OK + b"Content-Length: 99\r\n\r\n{",
        _OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        _OK + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nxxx",
        _with_length(_OK + b"X-MBX-USED-WEIGHT-1M: " + b"9" * 400 + b"\r\n", b"{}"),
        b"HTTP/1.1 999 X\r\n\r\n",
        b"SSH-2.0-x\r\n",
        b"\xff" * 1_000,
    ]
    return found


async def _ask_all(world: World, tally: Tally) -> None:
    for answer in world.some(_answers(), in_short=20):
        async with _exchange(answer) as url:
            for call in _CALLS:
                await _settled(tally, url, call, answer[:100])
    async with _exchange(_OK + b"Content-Length: 9999\r\n\r\n" + b"1" * 999, drop_s=_DROP_S) as url:
        for call in _CALLS:
            await _settled(tally, url, call, b"an answer in drops")
    async with _exchange(b"") as url:
        for call in _CALLS:
            await _settled(tally, url, call, b"no answer")


async def _settled(tally: Tally, url: str, call: Call, what: bytes) -> None:
    tally.tried += 1
    began_s = time.monotonic()
    async with httpx.AsyncClient(timeout=10) as http:
        try:
            await asyncio.wait_for(call(url, http), _PATIENCE_S)
        except ConfigurationError:
            pass
        except Transient as error:
            if not 0 <= error.retry_after_s <= _LONGEST_WAIT_S:
                tally.blame(Fault.SILENCE, f"waits {error.retry_after_s} s after {what!r}")
        except TimeoutError:
            took_s = time.monotonic() - began_s
            tally.blame(Fault.SILENCE, f"no end after {took_s:.0f} s of {what!r}")
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            tally.blame(Fault.CRASH, f"{error!r} for {what!r}")


@asynccontextmanager
async def _exchange(answer: bytes, *, drop_s: float = 0) -> AsyncIterator[str]:
    """Answer every request with the same bytes, one by one where they come in drops."""
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        try:
            for piece in [answer[i : i + 1] for i in range(len(answer))] if drop_s else [answer]:
                writer.write(piece)
                await writer.drain()
                if drop_s:
                    await asyncio.wait_for(asyncio.shield(over.wait()), drop_s)
        except (ConnectionError, TimeoutError):
            pass
        if not answer:
            await over.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        over.set()
        server.close()


def _with_length(head: bytes, body: bytes) -> bytes:
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body
