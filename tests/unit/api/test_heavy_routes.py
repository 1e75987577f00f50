"""Which requests wait their turn: not only those with many rows, also those that read much."""

import asyncio
from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI

from api.accounts.authentication import open_gate
from api.app import build_app
from schemas.settings import ClickHouseSettings, Settings
from tests.support.servers import free_port

ADDRESS = "192.0.2.7"
MANY = ["BTCUSDT", "ETHUSDT", "BNBUSDT"]
JANUARY = {"from": "2024-01-01", "to": "2024-02-01"}
Search = dict[str, object]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """An API without ClickHouse, in which the address has all its places for heavy requests."""
    nowhere = ClickHouseSettings(url=f"http://127.0.0.1:{free_port()}")
    settings = Settings(data_dir=tmp_path_factory.mktemp("api"), clickhouse=nowhere)
    with open_gate(settings) as gate:
        built = build_app(settings, gate)
        for _ in range(2):
            built.state.parts.heavy.enter(ADDRESS)
        yield built


def status_of(app: FastAPI, path: str, search: Search | None = None) -> int:
    async def ask() -> int:
        transport = httpx.ASGITransport(app, client=(ADDRESS, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            asked = client.get(path) if search is None else client.post(path, json=search)
            return (await asked).status_code

    return asyncio.run(ask())


@pytest.mark.parametrize(
    "path",
    [
        "/v1/candles?symbol=BTCUSDT&limit=5001",
        "/v1/candles?symbol=BTCUSDT&limit=1&as_of=2024-01-01",
        "/v1/completeness/digests?symbol=BTCUSDT&from=2023-01-01&to=2023-02-02",
        "/v1/completeness/days?days=32",
        "/v1/completeness",
        "/v1/audit",
        "/v1/scores?from=2023-01-01",
        "/v1/scores?from=2023-01-01&to=2023-02-02&symbol=BTCUSDT",
        "/v1/scores/reliability?from=1970-01-02",
        "/v1/scores?from=1970-01-01",
        "/v1/scores/reliability?from=0",
    ],
)
def test_what_reads_much_of_the_past_waits_its_turn(app: FastAPI, path: str) -> None:
    assert status_of(app, path) == 429


@pytest.mark.parametrize(
    "path",
    [
        "/v1/candles?symbol=BTCUSDT&limit=5000",
        "/v1/candles?symbol=BTCUSDT&limit=2881&interval=1d",
        "/v1/candles?symbol=BTCUSDT&from=2024-01-01&to=2024-02-01&as_of=2024-03-01",
        "/v1/completeness/digests?symbol=BTCUSDT&from=2023-01-01&to=2023-02-01",
        "/v1/completeness/days?days=31&interval=1m",
        "/v1/completeness?symbol=BTCUSDT",
        "/v1/audit?symbol=BTCUSDT",
        "/v1/scores",
        "/v1/scores?from=2023-01-01&to=2023-02-01",
        "/v1/scores/reliability?symbol=BTCUSDT",
        "/v1/gaps",
        "/v1/volatility",
    ],
)
def test_what_the_page_asks_for_is_not_held_up_by_it(app: FastAPI, path: str) -> None:
    assert status_of(app, path) == 503  # ClickHouse was asked at once


@pytest.mark.parametrize(
    "search",
    [
        {"symbols": MANY, "limit": 1},
        {"symbols": MANY, "interval": "1d", "from": "2024-01-01", "to": "2024-02-02"},
        {"symbols": ["BTCUSDT"], "status": ["incomplete"], "limit": 1},
        {"symbols": ["BTCUSDT"], "minimum_volume": "0.1", "limit": 1},
        {"symbols": ["BTCUSDT"], **JANUARY, "limit": 5001},
    ],
)
def test_a_search_through_all_of_the_past_waits_its_turn_however_few_rows_it_wants(
    app: FastAPI, search: Search
) -> None:
    assert status_of(app, "/v1/candles/search", search) == 429


@pytest.mark.parametrize(
    "search",
    [
        {"symbols": MANY, **JANUARY},
        {"symbols": MANY, **JANUARY, "status": ["gapped"], "minimum_volume": "1"},
        {"symbols": ["BTCUSDT"], "minimum_volume": "0.0", "limit": 5000},
    ],
)
def test_a_search_through_a_month_is_not_held_up_by_it(app: FastAPI, search: Search) -> None:
    assert status_of(app, "/v1/candles/search", search) == 503  # ClickHouse was asked at once
