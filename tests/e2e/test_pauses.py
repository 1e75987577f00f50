"""Any process, any server and all at once stand still for a while: all is stored, nothing twice."""

import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support.builders import MINUTE_MS
from tests.support.stack import Stack, eventually, frozen, running_stack

SYMBOLS = ("BTCUSDT", "ETHUSDT", "DOTUSDT")
SERVERS = ("kafka", "clickhouse", "exchange")
PARTS = (
    "stream",
    "candles",
    "predictor",
    "sink",
    "sink-history",
    "backfill",
    "api",
    "coins",
    "trainer",
)
ALL = "everything"
PAUSES_S = (5, 8, 15, 40, 120)
RECOVERY_S = 150.0
# Without FINAL: a row that came twice is counted twice.
_TRADES = """
SELECT symbol, count(), uniqExact(agg_id), max(agg_id) - min(agg_id) + 1 FROM trades GROUP BY symbol
"""
_PREDICTIONS = """
SELECT count(), uniqExact(symbol, open_time, issued_time, model) FROM predictions WHERE scored
"""


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("pauses"), symbols=SYMBOLS) as running:
        eventually(running.predicts, running.logs)
        yield running


def pids(stack: Stack, name: str) -> list[int]:
    if name != ALL:
        return [stack.pid(name)]
    return [stack.supervisor(), *(stack.pid(part) for part in stack.states())]


def stores_trades_of(stack: Stack, ms: int) -> bool:
    query = "SELECT min(newest) FROM (SELECT max(event_time) AS newest FROM trades GROUP BY symbol)"
    try:
        (row,) = stack.rows(f"SELECT toUnixTimestamp64Milli(({query}))")
    except Exception:  # noqa: BLE001 - ClickHouse may be away: the deadline decides
        return False
    return int(str(row[0])) >= ms


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("pause_s", PAUSES_S)
@pytest.mark.parametrize("name", [*SERVERS, *PARTS, ALL])
def test_a_pause_of_whatever_length_loses_and_repeats_nothing(
    stack: Stack, name: str, pause_s: int
) -> None:
    with ExitStack() as pauses:
        for pid in pids(stack, name):
            pauses.enter_context(frozen(pid))
        over_s = time.monotonic() + pause_s
        eventually(lambda: time.monotonic() >= over_s, within_s=pause_s + 5)
    began_ms = now_ms()

    eventually(lambda: stores_trades_of(stack, began_ms), stack.logs, within_s=RECOVERY_S)
    eventually(stack.predicts, stack.logs, within_s=RECOVERY_S)
    eventually(stack.is_healthy, lambda: stack.get("/healthcheck").text, within_s=RECOVERY_S)
    assert [row for row in stack.rows(_TRADES) if len(set(row[1:])) > 1] == []
    ((predictions, different),) = stack.rows(_PREDICTIONS)
    assert predictions == different


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_after_all_pauses_every_candle_is_the_exchanges(stack: Stack) -> None:
    until_ms = now_ms() // MINUTE_MS * MINUTE_MS
    stack.wait_for_candles(until_ms=until_ms)

    def wrong() -> list[tuple[object, ...]]:
        return stack.wrong_candles(until_ms=until_ms)

    eventually(lambda: not wrong(), wrong, within_s=RECOVERY_S)
    assert stack.traces() == []
