"""What a proof compares, in the real engine: only what it has sent itself, once that is stored."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from candlewick.offline.proving.comparing import compare
from candlewick.offline.proving.progress import SymbolProof
from candlewick.offline.proving.view import symbol_row
from clients.clickhouse import Client
from clients.clock import steady_ms
from producers.history.time_ranges import Spans
from schemas import table_columns
from schemas.market import Candle
from schemas.replayed import PROVEN_REVISION
from schemas.timeframe import DAY_MS, MINUTE_MS
from sinks.rows import candle_row
from tests.support.api_market import put
from tests.support.api_process import migrated
from tests.support.builders import a_candle
from tests.support.servers import running_clickhouse

DAY = 1_723_161_600_000
MINUTES = [a_candle(open_ms=DAY + n * MINUTE_MS) for n in range(10)]
PROVEN = [replace(candle, revision=PROVEN_REVISION + 1) for candle in MINUTES]
WRONG = [replace(candle, high_e8=candle.high_e8 + 1) for candle in MINUTES]
OFFICIAL = [replace(candle, source="rest", status="official") for candle in MINUTES]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with running_clickhouse(tmp_path_factory.mktemp("store") / "clickhouse") as server:
        migrated(server)
        with server.client(database="candlewick") as client:
            yield client


@pytest.fixture
def store(engine: Client) -> Client:
    for table in ("candles", "klines"):
        engine.command(f"TRUNCATE TABLE {table}")
    put(engine, "klines", table_columns.CANDLE, [candle_row(candle) for candle in OFFICIAL])
    return engine


def keep(store: Client, candles: Sequence[Candle]) -> None:
    put(store, "candles", table_columns.CANDLE, [candle_row(candle) for candle in candles])


def a_proof(**counts: int) -> SymbolProof:
    day = Spans.of([(DAY, DAY + DAY_MS)])
    proof = SymbolProof("BTCUSDT", wanted=day, proven=day, read=day)
    for name, count in counts.items():
        setattr(proof, name, count)
    return proof


def compared(store: Client, proof: SymbolProof, started_ms: int) -> dict[str, object]:
    compare(store, proof, started_ms, patience_s=0.1)
    row = symbol_row(proof)
    return {name: row[name] for name in ("verified", "mismatch", "not_compared")}


@pytest.mark.parametrize(
    "before",
    [WRONG, [replace(candle, revision=PROVEN_REVISION + 1) for candle in WRONG]],
    ids=["live ones", "those of a file that was issued again"],
)
def test_candles_of_before_the_run_are_not_compared_in_the_place_of_its_own(
    store: Client, before: list[Candle]
) -> None:
    keep(store, before)
    started_ms = steady_ms()
    early, late = a_proof(candles=10, standing=10), a_proof(candles=10, standing=10)

    too_early = compared(store, early, started_ms)
    keep(store, PROVEN)
    in_time = compared(store, late, started_ms)

    assert too_early == {"verified": None, "mismatch": None, "not_compared": None}
    assert early.notes == [
        "not all candles are in ClickHouse yet: `candlewick audit` compares them"
    ]
    assert in_time == {"verified": 10, "mismatch": 0, "not_compared": 0}


def test_a_gapped_candle_that_a_live_one_replaces_is_not_waited_for(store: Client) -> None:
    gapped = replace(PROVEN[0], status="gapped", revision=0)
    started_ms = steady_ms()
    keep(store, [MINUTES[0]])
    keep(store, [gapped, *PROVEN[1:]])
    proof = a_proof(candles=10, standing=9, gapped=1)

    assert compared(store, proof, started_ms)["verified"] == 10


def test_what_was_proven_by_earlier_runs_is_compared_without_waiting(store: Client) -> None:
    keep(store, PROVEN)

    assert compared(store, a_proof(), steady_ms())["verified"] == 10
