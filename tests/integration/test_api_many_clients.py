"""Ten thousand who ask for the live stream at once: those without room are refused."""

import asyncio
import resource
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from tests.support.api_process import RunningApi, migrated, running_api
from tests.support.api_stream import wait_for_clients
from tests.support.servers import running_clickhouse, running_kafka

ALLOWED, ASKING = 50, 10_000
FILES_NEEDED = ASKING + 500
MOST_MB = 600
HELLO = b"GET /v1/stream HTTP/1.1\r\nHost: x\r\n\r\n"

pytestmark = pytest.mark.slow


@pytest.fixture
def api(tmp_path: Path) -> Iterator[RunningApi]:
    with running_clickhouse(tmp_path / "ch") as clickhouse, running_kafka(tmp_path / "k") as kafka:
        migrated(clickhouse)
        with running_api(
            tmp_path / "api", kafka, clickhouse, STREAM_CLIENTS=str(ALLOWED)
        ) as running:
            yield running


@pytest.fixture
def many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < FILES_NEEDED:
        pytest.skip(f"{FILES_NEEDED} open files are needed: raise `ulimit -n`")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, FILES_NEEDED), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def ask_all(url: str) -> Counter[bytes]:
    place = urlsplit(url)
    turns = asyncio.Semaphore(500)  # of those that are just connecting; all stay connected

    async def ask() -> tuple[bytes, asyncio.StreamWriter]:
        async with turns:
            reader, writer = await asyncio.open_connection(place.hostname, place.port)
            writer.write(HELLO)
            return (await reader.readline()).split()[1], writer

    found = await asyncio.gather(*(ask() for _ in range(ASKING)))
    async with httpx.AsyncClient(base_url=url) as client:
        alive = await client.get("/livez")
        more = await client.get("/v1/stream")
    assert alive.status_code == 200
    assert more.json()["type"] == "/problems/too-many-clients"
    for _, writer in found:
        writer.close()
    return Counter(status for status, _ in found)


@pytest.mark.usefixtures("many_files")
def test_ten_thousand_at_once_are_refused_beyond_the_limit(api: RunningApi) -> None:
    answers = asyncio.run(ask_all(api.url))

    assert answers == {b"200": ALLOWED, b"503": ASKING - ALLOWED}
    wait_for_clients(api, 0)
    assert httpx.get(f"{api.url}/livez").status_code == 200
    assert psutil.Process(api.process.pid).memory_info().rss / 1e6 < MOST_MB
    assert "Traceback" not in api.log()
