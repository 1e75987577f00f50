"""Through a real proxy into the outer world, and past it to this machine."""

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from urllib.request import proxy_bypass

import httpx
import pytest

from clients.clickhouse import connect_writer
from clients.http import open_http
from clients.proxies import keep_loopback_direct, websocket_proxy
from grafana.connection import connected
from producers.binance.archive import ArchiveClient
from producers.binance.archive_names import day_file
from producers.binance.rest import RestClient
from producers.binance.urls import stream_addresses
from producers.binance.websocket import Connection, open_connection
from producers.coingecko.client import CoinGecko
from schemas.errors import ConfigurationError
from schemas.setting_types import WebsocketClient
from schemas.settings import ClickHouseSettings, CoinsSettings
from schemas.timeframe import Interval
from tests.support.servers import (
    RunningClickHouse,
    RunningExchange,
    running_clickhouse,
    running_exchange,
)
from tests.support.small_proxy import SmallProxy, running_proxy

OUTER = "192.0.2.1"  # RFC 5737: an address that nobody has
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "WS_PROXY", "WSS_PROXY")


@pytest.fixture(scope="module")
def exchange() -> Iterator[RunningExchange]:
    with running_exchange(symbols="BTCUSDT") as server:
        yield server


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallProxy]:
    for name in VARIABLES:
        for spelt in (name, name.lower()):
            monkeypatch.delenv(spelt, raising=False)
    monkeypatch.setenv("NO_PROXY", "")  # so that what the code adds is taken back
    monkeypatch.setenv("no_proxy", "")
    with running_proxy() as running:
        yield running


def by_http(proxy: SmallProxy) -> dict[str, str]:
    return {"HTTP_PROXY": proxy.http_url, "HTTPS_PROXY": proxy.http_url}


def by_socks(proxy: SmallProxy) -> dict[str, str]:
    return {"ALL_PROXY": proxy.socks_url}


CLIENTS = pytest.mark.parametrize("client", ["websockets", "picows"])
WAYS = pytest.mark.parametrize("way", [by_http, by_socks])


async def ask_everything(host: str, port: int, client: WebsocketClient) -> None:
    """Websocket, REST, archive and CoinGecko at one address."""
    frames = asyncio.Event()

    def take(_: Connection, __: Sequence[bytes]) -> None:
        frames.set()

    (address,) = stream_addresses(f"ws://{host}:{port}", ["BTCUSDT"])
    connection = await open_connection(address, take, client=client)
    await asyncio.wait_for(frames.wait(), 20)
    await connection.close()
    url = f"http://{host}:{port}"
    async with open_http(10) as http:
        assert await RestClient(url, http).newest_trade("BTCUSDT") is not None
        day = day_file("BTCUSDT", Interval.ONE_MINUTE, 1_600_000_000_000)
        assert await ArchiveClient(url, http).checksum(day) is not None
        assert await CoinGecko(CoinsSettings(url=f"{url}/api/v3"), http).coins(["bitcoin"])


@CLIENTS
@WAYS
def test_outer_world_is_asked_through_the_proxy(
    exchange: RunningExchange,
    proxy: SmallProxy,
    monkeypatch: pytest.MonkeyPatch,
    way: Callable[[SmallProxy], dict[str, str]],
    client: WebsocketClient,
) -> None:
    for name, value in way(proxy).items():
        monkeypatch.setenv(name, value)

    asyncio.run(ask_everything(OUTER, exchange.port, client))

    assert set(proxy.asked) == {OUTER}
    assert len(proxy.asked) >= 2


@CLIENTS
@WAYS
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_loopback_never_goes_through_a_proxy(
    exchange: RunningExchange,
    proxy: SmallProxy,
    monkeypatch: pytest.MonkeyPatch,
    way: Callable[[SmallProxy], dict[str, str]],
    host: str,
    *,
    client: WebsocketClient,
) -> None:
    for name, value in way(proxy).items():
        monkeypatch.setenv(name, value)

    asyncio.run(ask_everything(host, exchange.port, client))

    assert proxy.asked == []


def test_what_no_proxy_names_is_asked_directly(
    proxy: SmallProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy.socks_url)
    monkeypatch.setenv("NO_PROXY", "inner.example, 10.0.0.7")
    monkeypatch.delenv("no_proxy")

    keep_loopback_direct()
    keep_loopback_direct()

    assert os.environ["no_proxy"] == "inner.example,10.0.0.7,localhost,127.0.0.1,::1"
    assert websocket_proxy("wss://inner.example/stream") is None
    assert websocket_proxy("wss://outer.example/stream") == proxy.socks_url
    for loopback in ("ws://127.0.0.1:9", "ws://127.9.9.9:9", "ws://[::1]:9", "ws://localhost:9"):
        assert websocket_proxy(loopback) is None


@pytest.mark.parametrize("named", ["*", "inner.example, *"])
def test_where_no_proxy_names_everything_nothing_goes_through_one(
    proxy: SmallProxy, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy.socks_url)
    monkeypatch.setenv("NO_PROXY", named)
    monkeypatch.delenv("no_proxy")

    keep_loopback_direct()

    assert websocket_proxy("wss://outer.example/stream") is None
    assert proxy_bypass("outer.example")


def test_grafana_is_asked_through_the_proxy_unless_it_is_here(
    exchange: RunningExchange, proxy: SmallProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.http_url)

    for host in ("127.0.0.1", OUTER):
        with connected(f"http://{host}:{exchange.port}", "token") as api:
            answer = api.client.s.get(f"http://{host}:{exchange.port}/api/v3/time", timeout=10)
            assert answer.status_code == httpx.codes.OK

    assert proxy.asked == [OUTER]


@pytest.fixture(scope="module")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningClickHouse]:
    with running_clickhouse(tmp_path_factory.mktemp("store") / "clickhouse") as server:
        yield server


def test_store_on_this_machine_is_asked_directly(
    clickhouse: RunningClickHouse, proxy: SmallProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.http_url)
    login = {"url": clickhouse.url, "user": clickhouse.user, "password": clickhouse.password}

    with closing(connect_writer(ClickHouseSettings.model_validate(login), database="default")) as c:
        assert c.query("SELECT 1").result_rows == [(1,)]

    assert proxy.asked == []


def test_proxy_that_is_none_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "gopher://127.0.0.1:70")

    with pytest.raises(ConfigurationError, match="ALL_PROXY"):
        open_http(1)
