"""The admin paths of the simulated exchange: what cannot be meant is refused."""

from collections.abc import Iterator

import httpx
import pytest

from candlewick.exchange.market.intervals import epoch_ms
from tests.support.servers import RunningExchange, running_exchange

START = "2025-03-12T13:37:41"


@pytest.fixture(scope="module")
def exchange() -> Iterator[RunningExchange]:
    with running_exchange(start=START, speed=0, symbols="DOTUSDT") as running:
        yield running


def asked(exchange: RunningExchange, method: str, path: str, body: object) -> httpx.Response:
    return httpx.request(method, f"{exchange.http_url}/admin/{path}", json=body, timeout=30)


@pytest.mark.parametrize("number", ["abc", "²", "", "-1"])
def test_only_a_number_names_a_fault_to_remove(exchange: RunningExchange, number: str) -> None:
    exchange.admin("POST", "faults", {"kind": "drop"})
    try:
        refused = asked(exchange, "DELETE", f"faults?id={number}", None)
        left = exchange.admin("GET", "faults")
    finally:
        removed = exchange.admin("DELETE", "faults")

    assert (refused.status_code, "id" in refused.json()["error"]) == (400, True)
    assert isinstance(left, dict)
    assert len(left["faults"]) == 1
    assert removed == {"removed": 1}


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "halt", "symbol": "DOTUSDT", "minutes": 100_000_000},
        {"kind": "halt", "symbol": "DOTUSDT", "start_ms": epoch_ms("2040-01-01")},
        {"kind": "reset-ids", "symbol": "DOTUSDT", "start_ms": epoch_ms("2041-01-01")},
        {"kind": "reset-ids", "symbol": "DOTUSDT", "start_ms": 10**30},
        {"kind": "ahead", "by": 10**19},
        {"kind": "klines", "symbol": "DOTUSDT", "by": 10**19},
    ],
)
def test_a_fault_beyond_all_bounds_is_refused_and_not_armed(
    exchange: RunningExchange, fault: dict[str, object]
) -> None:
    refused = asked(exchange, "POST", "faults", fault)

    assert (refused.status_code, "not a fault" in refused.json()["error"]) == (400, True)
    assert exchange.admin("GET", "faults") == {"faults": []}


@pytest.mark.parametrize("wanted", [[], None, 5, "speed", {"advance_ms": 10**18}, {"speed": "2"}])
def test_a_clock_is_moved_by_an_object_of_numbers_within_bounds(
    exchange: RunningExchange, wanted: object
) -> None:
    refused = asked(exchange, "POST", "market", wanted)

    assert (refused.status_code, list(refused.json())) == (400, ["error"])
    assert exchange.get("/api/v3/time").json() == {"serverTime": epoch_ms(START)}
