"""The official 15m klines of BTC and ETH: fetched, killed in between, and stored row by row."""

import json
import lzma
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.backfilling import (
    DATA,
    OFFICIAL,
    OFFICIAL_END_MS,
    OFFICIAL_START_MS,
    Past,
    sinks,
)
from tests.support.servers import (
    RunningClickHouse,
    RunningExchange,
    running_clickhouse,
    running_exchange,
    running_kafka,
)

ROWS = 46_673
DEADLINE_S = 60.0
SPAN = ("--from", "2024-12-30", "--to", "2026-04-30T04:15", "--interval", "15m")
COLUMNS = (
    "toString(toUnixTimestamp64Milli(open_time))",
    *(f"toDecimalString({name}, 8)" for name in ("open", "high", "low", "close", "volume")),
    "toString(toUnixTimestamp64Milli(close_time) - 1)",
    "toDecimalString(quote_volume, 8)",
    "toString(trade_count)",
    "toDecimalString(taker_buy_volume, 8)",
    "toDecimalString(taker_buy_quote_volume, 8)",
    "'0'",
)


@pytest.fixture(scope="module")
def exchange() -> Iterator[RunningExchange]:
    with running_exchange(klines=tuple(map(str, OFFICIAL)), weight_limit=100_000) as server:
        yield server


@pytest.fixture(scope="module")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningClickHouse]:
    with running_clickhouse(tmp_path_factory.mktemp("store") / "clickhouse") as server:
        yield server


@pytest.fixture
def past(tmp_path: Path, exchange: RunningExchange) -> Iterator[Past]:
    with running_kafka(tmp_path / "kafka") as kafka:
        found = Past(kafka, exchange, tmp_path)
        found.create_topics()
        yield found


def stored(clickhouse: RunningClickHouse, database: str, symbol: str) -> list[tuple[str, ...]]:
    """The rows of a symbol, once they are all there."""
    query = f"SELECT {', '.join(COLUMNS)} FROM klines FINAL WHERE symbol = '{symbol}' ORDER BY 1"  # noqa: S608 - our own words
    deadline = time.monotonic() + DEADLINE_S
    with clickhouse.client(database=database) as client:
        while time.monotonic() < deadline:
            count = f"SELECT count() FROM klines WHERE symbol = '{symbol}'"  # noqa: S608 - likewise
            if int(client.query(count).result_rows[0][0]) >= ROWS:
                break
            time.sleep(0.1)
        return [tuple(row) for row in client.query(query).result_rows]


def official(symbol: str) -> list[tuple[str, ...]]:
    text = lzma.decompress((DATA / f"{symbol}-15m.csv.xz").read_bytes()).decode()
    return [tuple(line.split(",")) for line in text.splitlines()]


def run(past: Past, *arguments: str) -> str:
    process = past.command(*SPAN, *arguments)
    said, _ = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, said
    return said


def test_the_store_equals_the_official_file_row_by_row_and_a_second_run_adds_nothing(
    past: Past, clickhouse: RunningClickHouse
) -> None:
    with sinks(past, clickhouse, "whole"):
        run(past, "--symbols", "BTCUSDT", "--source", "archive")
        run(past, "--symbols", "ETHUSDT", "--source", "rest")
        held = past.count()
        said = run(past, "--symbols", "BTCUSDT,ETHUSDT")
        lines = run(past, "--symbols", "BTCUSDT,ETHUSDT", "--json").splitlines()

        assert held == past.count() == 2 * ROWS
        assert "46,673" in said
        rows = [row for row in map(json.loads, lines) if "held" in row]
        assert [(row["symbol"], row["held"], row["missing"]) for row in rows] == [
            ("BTCUSDT", ROWS, 0),
            ("ETHUSDT", ROWS, 0),
        ]
        assert stored(clickhouse, "whole", "BTCUSDT") == official("BTCUSDT")
        assert stored(clickhouse, "whole", "ETHUSDT") == official("ETHUSDT")


@pytest.mark.parametrize(("kills", "seed"), [(3, 1), pytest.param(10, 2, marks=pytest.mark.slow)])
def test_killed_at_random_points_it_goes_on_behind_the_last_candle_in_kafka(
    past: Past, clickhouse: RunningClickHouse, kills: int, seed: int
) -> None:
    chance, database = random.Random(seed), f"killed_{kills}"
    with sinks(past, clickhouse, database):
        for number in range(kills):
            source = ("rest", "archive", "auto")[number % 3]
            process = past.command(*SPAN, "--symbols", "BTCUSDT,ETHUSDT", "--source", source)
            wanted = past.count() + chance.randrange(1, 2 * ROWS // (kills + 1))
            while past.count() < wanted and process.poll() is None:
                time.sleep(0.001)
            process.kill()
            process.communicate()
        run(past, "--symbols", "BTCUSDT,ETHUSDT")

        assert past.count() == 2 * ROWS
        assert stored(clickhouse, database, "BTCUSDT") == official("BTCUSDT")
        assert stored(clickhouse, database, "ETHUSDT") == official("ETHUSDT")


def test_the_official_span_is_what_the_tests_take_it_for() -> None:
    opens = [int(row[0]) for row in official("BTCUSDT")]

    assert opens == list(range(OFFICIAL_START_MS, OFFICIAL_END_MS, 900_000))
