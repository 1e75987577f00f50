"""Requests that drip, and servers that ask to wait: bounded, over a real exchange process."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress

import httpx
import pytest

from clients.retry import pause_s
from clients.retry_after import told_wait_s, until
from producers.binance.rest import RestClient
from producers.coingecko.client import CoinGecko
from schemas.errors import Transient
from schemas.settings import CoinsSettings
from tests.support.servers import RunningExchange, running_exchange

HOUR_S = 3_600.0
FOREVER = 99_999_999_999


@pytest.fixture(scope="module")
def market() -> Iterator[RunningExchange]:
    with running_exchange(symbols="BTCUSDT") as server:
        yield server


@pytest.fixture
def exchange(market: RunningExchange) -> Iterator[RunningExchange]:
    yield market
    market.admin("DELETE", "faults")


def failed(
    ask: Callable[[httpx.AsyncClient], Awaitable[object]],
) -> tuple[Transient, float]:
    """The error of a request, and how long it took in seconds."""

    async def run() -> None:
        async with httpx.AsyncClient() as http:
            await ask(http)

    began_s = time.monotonic()
    with pytest.raises(Transient) as caught:
        asyncio.run(run())
    return caught.value, time.monotonic() - began_s


def test_answer_that_drips_ends_at_the_limit_of_the_whole_request(
    exchange: RunningExchange,
) -> None:
    exchange.admin("POST", "faults", {"kind": "rest-drip", "every_ms": 100})
    coins = CoinsSettings(url=f"{exchange.http_url}/api/v3")

    for ask in (
        lambda http: RestClient(exchange.http_url, http, limit_s=0.5).newest_trade("BTCUSDT"),
        lambda http: CoinGecko(coins, http, limit_s=0.5).coins(["bitcoin"]),
    ):
        error, took_s = failed(ask)

        assert "within 0.5 s" in str(error)
        assert took_s < 5


@pytest.mark.parametrize(("status", "most_s"), [(429, HOUR_S), (418, 72 * HOUR_S)])
def test_wait_that_the_exchange_asks_for_is_believed_so_far_and_told_with_its_time(
    exchange: RunningExchange, status: int, most_s: float
) -> None:
    fault = {"kind": "rest-error", "status": status, "count": 1, "retry_after_s": FOREVER}
    exchange.admin("POST", "faults", fault)
    rests: list[RestClient] = []

    def ask(http: httpx.AsyncClient) -> Awaitable[int]:
        rests.append(RestClient(exchange.http_url, http))
        return rests[0].server_ms()

    error, _ = failed(ask)

    assert error.retry_after_s == most_s
    assert "UTC" in str(error)
    assert rests[0].closed == {"time"}


@pytest.mark.parametrize("status", [500, 503])
def test_rest_that_is_shut_says_so_until_it_answers(exchange: RunningExchange, status: int) -> None:
    exchange.admin("POST", "faults", {"kind": "rest-error", "status": status, "count": 1})

    async def run() -> list[bool]:
        rest, found = RestClient(exchange.http_url), []
        for _ in range(2):
            with suppress(Transient):
                await rest.server_ms()
            found.append("time" in rest.closed)
        await rest.close()
        return found

    assert asyncio.run(run()) == [True, False]


def test_firewall_is_asked_once_and_left_alone_for_minutes(exchange: RunningExchange) -> None:
    exchange.admin("POST", "faults", {"kind": "rest-error", "status": 403})

    async def run() -> list[Transient]:
        rest, found = RestClient(exchange.http_url), []
        for _ in range(50):
            with pytest.raises(Transient) as caught:
                await rest.newest_trade("BTCUSDT")
            found.append(caught.value)
        await rest.close()
        return found

    errors = asyncio.run(run())

    state = exchange.admin("GET", "faults")
    assert isinstance(state, dict)
    assert [fault["hits"] for fault in state["faults"]] == [1]
    assert "HTTPS_PROXY" in str(errors[0])
    assert all(error.retry_after_s > 100 for error in errors)


def test_first_trade_after_a_halt_is_found_whether_rest_looks_an_hour_or_further(
    exchange: RunningExchange,
) -> None:
    halted = exchange.admin("POST", "faults", {"kind": "halt", "symbol": "BTCUSDT", "minutes": 180})
    assert isinstance(halted, dict)
    exchange.admin("POST", "market", {"advance_ms": 4 * 3_600_000})
    begin_ms, end_ms = halted["start_ms"], halted["end_ms"]

    async def run() -> list[tuple[int, int] | None]:
        rest = RestClient(exchange.http_url)
        asked = (begin_ms, begin_ms + 90 * 60_000, begin_ms - 60_000, end_ms, 2**42 - 1)
        found = [await rest.first_trade_since("BTCUSDT", ms) for ms in asked]
        await rest.close()
        return [None if one is None else (one.agg_id, one.event_ms) for one in found]

    further = asyncio.run(run())
    exchange.admin("POST", "faults", {"kind": "rest-hour"})
    an_hour = asyncio.run(run())

    assert further == an_hour
    first, inside, before, after, never = further
    assert first == inside == after
    assert first is not None
    assert first[1] >= end_ms
    assert before is not None
    assert before[1] < begin_ms
    assert never is None


def test_wait_of_hours_is_not_made_longer_and_odd_headers_are_a_minute() -> None:
    assert all(pause_s(1, HOUR_S) <= HOUR_S + 10 for _ in range(50))
    assert [told_wait_s(429, text) for text in ("", "soon", "-5", "9" * 400)] == [
        60,
        60,
        60,
        HOUR_S,
    ]
    assert until(5, 1_772_625_600_000) == "2026-03-04 12:00:05 UTC"
