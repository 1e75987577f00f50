"""A store that stands still: what asks it waits with limits, and all else goes on meanwhile."""

import asyncio
import socket
import threading
from pathlib import Path

import httpx
import pytest

from api.accounts.authentication import open_gate
from api.app import ASKING_STORE, build_app
from api.http.thread_pools import StoreThreads
from schemas.errors import Transient
from schemas.settings import ClickHouseSettings, Settings

DEADLINE_S = 10.0  # a store that stands still is given up after 25 s
ASKING = 4 * ASKING_STORE  # more than there are threads of any kind
LIGHT = (
    "/v1/candles?symbol=BTCUSDT&limit=10",
    "/v1/symbols",
    "/v1/coins",
    "/v1/volatility",
    "/v1/scores",
    "/v1/gaps",
)
WITHOUT_STORE = 20 * ("/metrics", "/registry/subjects")  # the first may overtake the others


@pytest.mark.parametrize("path", LIGHT)
def test_what_needs_no_store_is_answered_while_it_stands_still(path: str, tmp_path: Path) -> None:
    async def play() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            asking = [asyncio.create_task(client.get(path)) for _ in range(ASKING)]
            async with asyncio.timeout(DEADLINE_S):
                others = [await client.get(path) for path in WITHOUT_STORE]
            assert not any(task.done() for task in asking)
            frozen.close()
            refused = await asyncio.gather(*asking)
        assert {answer.status_code for answer in others} == {200}
        return refused

    with socket.create_server(("127.0.0.1", 0), backlog=ASKING) as frozen:  # it says nothing
        store = ClickHouseSettings(url=f"http://127.0.0.1:{frozen.getsockname()[1]}")
        settings = Settings(data_dir=tmp_path, clickhouse=store)
        with open_gate(settings) as gate:
            app = build_app(settings, gate)
            answers = asyncio.run(play())

    assert {answer.status_code for answer in answers} == {503}


def test_beyond_its_line_and_its_time_a_question_is_told_to_come_back() -> None:
    goes_on = threading.Event()

    async def play() -> None:
        threads = StoreThreads(1, waiting=1, wait_s=0.2)
        asking = asyncio.create_task(threads.work(lambda: goes_on.wait(DEADLINE_S)))
        await asyncio.sleep(0)  # it has its thread
        waiting = asyncio.create_task(threads.work(bool))
        await asyncio.sleep(0)  # it stands in the line
        with pytest.raises(Transient, match="wait already"):
            await threads.work(bool)
        with pytest.raises(Transient, match="busy with the questions of others"):
            await waiting
        goes_on.set()
        assert await asking
        assert await threads.work(lambda: "answered") == "answered"

    asyncio.run(play())
