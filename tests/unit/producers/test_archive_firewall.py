"""Where a firewall refuses the archives, nobody asks for minutes, longer each time."""

import asyncio

import httpx
import pytest

import clients.clock
from producers.binance.archive import ArchiveClient
from producers.binance.archive_names import day_file
from producers.binance.firewall import FIRST_S
from schemas.errors import Transient
from schemas.timeframe import Interval
from tests.support.builders import START_MS

FILE = day_file("BTCUSDT", Interval.ONE_MINUTE, START_MS)
SHA256 = "a" * 64
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Archives:
    """A server of archives whose firewall refuses us, and the time that passes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.status, self.asked, self.now_s = 403, 0, 0.0
        monkeypatch.setattr(clients.clock, "_steady_ns", lambda: int(self.now_s * 1e9))
        self.http = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))
        self.client = ArchiveClient("https://archives", self.http)

    def _answer(self, _: httpx.Request) -> httpx.Response:
        self.asked += 1
        return httpx.Response(self.status, text=f"{SHA256}  {FILE.name}")

    async def wait_s(self) -> float:
        """Ask, and return the pause that is demanded."""
        with pytest.raises(Transient) as caught:
            await self.client.checksum(FILE)
        return caught.value.retry_after_s


@pytest.fixture
async def archives(monkeypatch: pytest.MonkeyPatch) -> Archives:
    return Archives(monkeypatch)


async def test_pause_gets_longer_with_each_refusal_and_is_short_again_after_an_answer(
    archives: Archives,
) -> None:
    for wait_s in (FIRST_S, 2 * FIRST_S, 4 * FIRST_S):
        assert await archives.wait_s() == wait_s
        archives.now_s += wait_s
    archives.status = 200
    assert await archives.client.checksum(FILE) == SHA256
    archives.status = 403

    assert await archives.wait_s() == FIRST_S


async def test_nobody_asks_while_the_archives_are_closed(archives: Archives) -> None:
    await archives.wait_s()
    archives.now_s += 50.0

    assert await archives.wait_s() == FIRST_S - 50.0
    with pytest.raises(Transient):
        await archives.client.size(FILE)
    with pytest.raises(Transient):
        await archives.client.read(FILE, SHA256, lambda held: held.read())
    assert archives.asked == 1


async def test_requests_that_are_refused_together_count_as_one(archives: Archives) -> None:
    await asyncio.gather(*(archives.wait_s() for _ in range(5)))
    archives.now_s += FIRST_S

    assert await archives.wait_s() == 2 * FIRST_S
