"""A ClickHouse with the sample market, for the study's pictures and its test.

Rows are inserted, not sent through Kafka, which takes seconds instead of days.
"""

import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TypeVar

import httpx

from candlewick.stack.environment import environment_of
from candlewick.stack.parent_death import leashed
from candlewick.stack.ports import free_port
from candlewick.store.admin import apply_migrations
from clients.clickhouse import Client, connect_writer
from schemas import table_columns
from schemas.errors import ConfigurationError
from schemas.predictions import Score
from schemas.settings import Settings
from schemas.timeframe import Interval
from sinks.history_rows import coin_day_row, coin_row
from sinks.prediction_rows import row_writer
from sinks.rows import candle_row
from tools.notebooks.sample_market import SampleMarket

RecordT = TypeVar("RecordT")
START_S = 60.0
MOST_ROWS = 50_000
PREDICTED = ("BTCUSDT", "ETHUSDT")


@contextmanager
def sample_store(folder: Path, *, days: int, predicted_days: float) -> Iterator[Settings]:
    """Serve the last days of the sample market, and the scores of its recorded pairs.

    Yields:
        Settings with the address and passwords of the server.
    """
    settings = _settings(folder, free_port())
    command = ["-m", "candlewick.clickhouse_server", "--path", str(folder / "store")]
    command += ["--port", settings.clickhouse.url.rpartition(":")[2]]
    with (folder / "store.log").open("wb") as log:
        server = subprocess.Popen(
            leashed([sys.executable, *command]),
            env=environment_of(settings),
            stdout=log,
            stderr=log,
        )
    try:
        _wait(settings.clickhouse.url, server)
        apply_migrations(settings.clickhouse)
        with connect_writer(settings.clickhouse) as client:
            _fill(client, days, predicted_days)
        yield settings
    finally:
        server.terminate()
        server.wait(START_S)


def _settings(folder: Path, port: int) -> Settings:
    account = {"url": f"http://127.0.0.1:{port}"}
    account |= {name: secrets.token_urlsafe(16) for name in ("password", "reader_password")}
    return Settings.model_validate({"data_dir": folder, "clickhouse": account})


def _wait(url: str, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if httpx.get(f"{url}/ping", timeout=2).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise ConfigurationError(f"ClickHouse's engine does not start at {url}")


def _fill(client: Client, days: int, predicted_days: float) -> None:
    market = SampleMarket.open()
    for symbol in market.symbols:
        candles = market.candles(symbol, Interval.FIFTEEN_MINUTES, days)
        _put(client, "klines", table_columns.CANDLE, candle_row, candles)
    coins, coin_days = market.coins()
    _put(client, "coins", table_columns.COIN, coin_row, coins)
    _put(client, "coin_days", table_columns.COIN_DAY, coin_day_row, coin_days)
    for symbol in PREDICTED:
        steps = market.steps(symbol, predicted_days)
        scores = (score for step in steps for score in step.scores)
        _put(client, "scores", table_columns.SCORE, row_writer(Score), scores)


def _put(
    client: Client,
    table: str,
    names: tuple[str, ...],
    row: Callable[[RecordT], bytes],
    records: Iterable[RecordT],
) -> None:
    left = iter(records)
    while some := list(islice(left, MOST_ROWS)):
        client.raw_insert(table, names, b"".join(map(row, some)), fmt="RowBinary")
