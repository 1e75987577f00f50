"""How long a whole file of the archive may take: in proportion to its size, and no longer."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import IO

import httpx
import pytest

from producers.binance import archive
from producers.binance.archive import ArchiveClient
from producers.binance.archive_names import day_file
from schemas.errors import Transient
from schemas.timeframe import Interval
from tests.support.builders import START_MS

FILE = day_file("BTCUSDT", Interval.ONE_MINUTE, START_MS)
BODY = b"a file"


async def pieces(*, ends: bool) -> AsyncIterator[bytes]:
    for byte in BODY:
        await asyncio.sleep(0)  # others have their turn, as the limit has
        yield bytes([byte])
    if not ends:
        await asyncio.Event().wait()


def read(length: int, *, ends: bool) -> bytes:
    """Read a file that says it has so many bytes."""

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(
            200, content=pieces(ends=ends), headers={"Content-Length": str(length)}
        )

    def use(held: IO[bytes]) -> bytes:
        return held.read()

    async def asked() -> bytes:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            client = ArchiveClient("https://archives", http)
            return await client.read(FILE, hashlib.sha256(BODY).hexdigest(), use)

    return asyncio.run(asked())


def test_a_large_file_may_take_longer_than_a_small_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "DOWNLOAD_S", 0.0)

    assert read(20 * archive.SLOWEST, ends=True) == BODY
    with pytest.raises(Transient, match=r"all of https://archives/data/.* has not answered within"):
        read(0, ends=True)


def test_a_file_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "DOWNLOAD_S", 0.01)

    with pytest.raises(Transient, match="has not answered within"):
        read(archive.SLOWEST // 100, ends=False)
