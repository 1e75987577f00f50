"""What the exchange says of its symbols, and what a firewall says in its place."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.binance.exchange_info import (
    LONGEST_NAMES,
    SymbolInfo,
    groups_of,
    parse_exchange_info,
)
from producers.binance.firewall import FIRST_S, LONGEST_S, Firewall
from producers.binance.rest import RestClient
from schemas.errors import ConfigurationError, Transient

CASES = Path(__file__).parents[2] / "data" / "cases"
LIMITS = [
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 50},
    {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000},
]
LONGEST_ADDRESS = 8_000
LONGEST_NAME = 20


class Exchange:
    """Answers exchangeInfo as Binance does: one unknown name refuses the whole request."""

    def __init__(self, *known: str) -> None:
        self.known = known
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        url = str(request.url)
        self.asked.append(url)
        if len(url) > LONGEST_ADDRESS:
            return httpx.Response(414, text="URI Too Long")
        query = parse_qs(urlsplit(url).query)
        names = orjson.loads(query["symbols"][0]) if "symbols" in query else self.known
        if any(len(name) > LONGEST_NAME for name in names):
            text = "Illegal characters found in parameter 'symbols'."
            return httpx.Response(400, json={"code": -1100, "msg": text})
        if set(names) - set(self.known):
            return httpx.Response(400, json={"code": -1121, "msg": "Invalid symbol."})
        rows = [{"symbol": name, "status": "TRADING"} for name in names]
        return httpx.Response(200, json={"rateLimits": LIMITS, "symbols": rows})


def asked(
    answer: Callable[[httpx.Request], httpx.Response], names: list[str]
) -> dict[str, SymbolInfo]:
    async def run() -> dict[str, SymbolInfo]:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            return await RestClient("https://exchange", http).symbols(names)

    return asyncio.run(run())


def test_status_filters_permissions_and_the_weight_limit_are_read() -> None:
    info = parse_exchange_info((CASES / "exchange-info-status.json").read_bytes())

    assert info.weight_limit == 6_000
    assert {name: one.status for name, one in info.symbols.items()} == {
        "BTCUSDT": "TRADING",
        "MATICUSDT": "BREAK",
        "LUNAUSDT": "HALT",
        "币安人生USDT": "TRADING",
    }
    one = info.symbols["币安人生USDT"]
    assert (one.tick_e8, one.step_e8, one.quote, one.is_spot) == (10_000, 10_000_000, "USDT", True)


def test_permission_sets_count_without_the_lists_of_accounts() -> None:
    row = {"symbol": "BTCUSDT", "status": "TRADING", "permissionSets": [["SPOT", "TRD_GRP_004"]]}

    raw = orjson.dumps({"rateLimits": LIMITS, "symbols": [row, {"symbol": "no status"}]})

    assert [one.permissions for one in parse_exchange_info(raw).symbols.values()] == [("SPOT",)]


@pytest.mark.parametrize("unknown", ["COIN50USTD", "A23456789012345678901"])
def test_unknown_symbol_among_sixty_is_found_with_two_requests_and_the_others_are_known(
    unknown: str,
) -> None:
    names = [f"COIN{i}USDT" for i in range(60)]
    exchange = Exchange(*names)
    names[50] = unknown

    found = asked(exchange, names)

    assert set(names) - set(found) == {unknown}
    assert len(exchange.asked) == 2


def test_command_names_all_symbols_that_the_exchange_does_not_know() -> None:
    async def run() -> None:
        transport = httpx.MockTransport(Exchange("BTCUSDT"))
        async with httpx.AsyncClient(transport=transport) as http:
            await RestClient("https://exchange", http).learn_limits(["AUSDT", "BTCUSDT", "BUSDT"])

    with pytest.raises(ConfigurationError, match="AUSDT, BUSDT"):
        asyncio.run(run())


@pytest.mark.parametrize("many", [1, 60, 150, 600, 3_000])
def test_no_address_is_too_long(many: int) -> None:
    names = [f"币安人生{i}USDT" for i in range(many)]
    exchange = Exchange(*names)

    assert set(asked(exchange, names)) == set(names)
    assert len(exchange.asked) <= 2
    assert max(map(len, exchange.asked)) < LONGEST_ADDRESS


@given(st.lists(st.text("ABC币安", min_size=1, max_size=64)), st.integers(1, 1_000))
def test_groups_hold_each_symbol_once_and_in_order(names: list[str], longest: int) -> None:
    groups = list(groups_of(names, longest))

    assert [name for group in groups for name in group] == names
    assert all(groups)
    assert list(groups_of(names, LONGEST_NAMES)) == ([names] if names else [])


def walls() -> Iterator[tuple[int, bytes, str]]:
    yield 403, (CASES / "firewall-403.html").read_bytes(), "firewall"
    yield 451, (CASES / "restricted-451.json").read_bytes(), "CANDLEWICK_BINANCE__REST_URL"
    yield 200, b"\n<!doctype html><title>Sign in</title>", "web page"
    yield 400, b"<html>bad request</html>", "web page"


@pytest.mark.parametrize(("status", "body", "says"), list(walls()))
def test_firewall_is_a_back_off_of_minutes_that_says_what_to_do(
    status: int, body: bytes, says: str
) -> None:
    wall = Firewall("https://exchange")

    waits = []
    for _ in range(8):
        error = wall.judge(status, body)
        assert error is not None
        assert says in str(error)
        waits.append(error.retry_after_s)

    assert (waits[0], waits[-1]) == (FIRST_S, LONGEST_S)
    assert waits == sorted(waits)
    assert wall.judge(200, b"{}") is None
    again = wall.judge(status, body)
    assert again is not None
    assert again.retry_after_s == FIRST_S


def test_a_firewall_that_refuses_for_weeks_is_asked_at_the_longest_pause() -> None:
    wall = Firewall("https://exchange")
    errors = [wall.judge(451, b"{}") for _ in range(1_100)]

    assert errors[-1] is not None
    assert errors[-1].retry_after_s == LONGEST_S


def test_page_of_a_server_in_trouble_is_not_a_firewall() -> None:
    assert Firewall("https://exchange").judge(502, b"<html>502</html>") is None


def test_fifty_calls_to_a_firewall_are_one_request() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(451, content=(CASES / "restricted-451.json").read_bytes())

    async def run() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            rest = RestClient("https://exchange", http)
            for _ in range(50):
                with suppress(Transient):
                    await rest.newest_trade("BTCUSDT")

    asyncio.run(run())

    assert len(asked) == 1
