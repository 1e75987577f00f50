"""Coins from the simulated CoinGecko, through Kafka, into ClickHouse."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from candlewick.store.admin import apply_migrations
from clients.kafka.writer import Writer
from schemas import topics
from schemas.codecs import decode, message_of
from schemas.coins import Coin
from schemas.settings import ClickHouseSettings
from schemas.symbols import by_hand
from tests.support.backfilling import Past
from tests.support.builders import START_MS
from tests.support.servers import (
    RunningClickHouse,
    RunningExchange,
    running_clickhouse,
    running_exchange,
    running_kafka,
)

DEADLINE_S = 40.0
SYMBOLS = "BTCUSDT,LTCUSDT,LINKUSDT"


@pytest.fixture(scope="module")
def exchange() -> Iterator[RunningExchange]:
    with running_exchange() as server:
        yield server


@pytest.fixture(scope="module")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningClickHouse]:
    with running_clickhouse(tmp_path_factory.mktemp("store") / "clickhouse") as server:
        login = {"url": server.url, "user": server.user, "password": server.password}
        apply_migrations(ClickHouseSettings.model_validate(login))
        yield server


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory, exchange: RunningExchange) -> Iterator[Past]:
    folder = tmp_path_factory.mktemp("coins")
    with running_kafka(folder / "kafka") as kafka:
        found = Past(kafka, exchange, folder)
        found.create_topics()
        yield found


def start(
    past: Past, clickhouse: RunningClickHouse, *module: str, symbols: str = SYMBOLS
) -> subprocess.Popen[bytes]:
    login = {"url": clickhouse.url, "user": clickhouse.user, "password": clickhouse.password}
    environment = past.environment | {"CANDLEWICK_SYMBOLS": symbols}
    environment |= {"CANDLEWICK_COINS__HISTORY_DAYS": "30"}
    environment |= {f"CANDLEWICK_CLICKHOUSE__{k.upper()}": v for k, v in login.items()}
    return subprocess.Popen([sys.executable, "-m", *module], env=os.environ | environment)


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.1)


def test_coins_and_a_month_of_their_days_reach_the_store_after_a_429(
    past: Past, clickhouse: RunningClickHouse
) -> None:
    fault = {"kind": "rest-error", "status": 429, "path": "coins", "count": 1, "retry_after_s": 2}
    past.exchange.admin("POST", "faults", fault)
    processes = [start(past, clickhouse, "sinks"), start(past, clickhouse, "producers", "coins")]
    try:
        with clickhouse.client(database="candlewick") as client:
            days = "SELECT coin_id, count() FROM coin_days FINAL GROUP BY coin_id ORDER BY 1"
            expected = [("bitcoin", 30), ("litecoin", 30)]
            eventually(lambda: [tuple(r) for r in client.query(days).result_rows] == expected)
            rows = client.query(
                "SELECT ticker, rank, price * circulating_supply / market_cap, max_supply "
                "FROM coins FINAL ORDER BY ticker"
            ).result_rows
    finally:
        for process in processes:
            process.terminate()
            process.wait()

    assert [row[:2] for row in rows] == [("BTC", 1), ("LTC", 2)]
    assert all(abs(float(row[2]) - 1) < 1e-6 for row in rows)
    assert [int(row[3]) for row in rows] == [21_000_000, 84_000_000]


def test_coins_of_a_pattern_wait_until_a_symbol_is_found_for_it(
    tmp_path: Path, exchange: RunningExchange, clickhouse: RunningClickHouse
) -> None:
    with running_kafka(tmp_path / "kafka") as kafka:
        past = Past(kafka, exchange, tmp_path)
        process = start(past, clickhouse, "producers", "coins", symbols="NOBODY*")
        try:
            choice = by_hand("LTCUSDT", is_followed=True, now_ms=START_MS, reason="wanted")
            Writer(kafka.settings).put(topics.SYMBOLS.name, message_of(choice))
            eventually(lambda: past.records(topics.COINS) != [])
        finally:
            process.terminate()
            process.wait()
        found = {
            decode(Coin, record.value() or b"").coin_id for record in past.records(topics.COINS)
        }

    assert found == {"litecoin"}


def test_price_in_the_answer_is_that_of_the_market(exchange: RunningExchange) -> None:
    coin = exchange.get("/api/v3/coins/markets", vs_currency="usd", ids="bitcoin").json()[0]
    kline = exchange.get("/api/v3/klines", symbol="BTCUSDT", interval="1m", limit=2).json()

    assert coin["current_price"] in {float(row[1]) for row in kline}
