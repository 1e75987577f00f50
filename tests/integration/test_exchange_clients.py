"""Binance's clients on the simulated exchange: programs of others, fetched for this test."""

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.servers import RunningExchange, running_exchange

PROGRAMS = Path(__file__).parents[1] / "clients" / "binance"
UV = Path(sys.executable).with_name("uv")
CCXT, PYTHON_BINANCE, FREQTRADE = "ccxt==4.5.90", "python-binance==1.0.37", "freqtrade==2026.9"
MINUTE_MS = 60_000
DAY_S = 86_400
UNLIKE = {"1M": {28 * DAY_S, 29 * DAY_S, 30 * DAY_S, 31 * DAY_S}}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_200)]


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment of its own, with one client in it."""

    folder: Path

    def run(self, program: str, *arguments: str | Path) -> str:
        command = [str(self.folder / "bin" / program), *map(str, arguments)]
        clean = {name: os.environ[name] for name in os.environ if not name.startswith("PYTHON")}
        done = subprocess.run(
            command, env=clean, capture_output=True, text=True, timeout=900, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def got(self, program: str, exchange: RunningExchange) -> Any:
        told = self.run("python", "-W", "ignore", PROGRAMS / program, exchange.http_url)
        return json.loads(told.splitlines()[-1])


@pytest.fixture(scope="module")
def exchange() -> Iterator[RunningExchange]:
    with running_exchange() as running:
        yield running


def installed(package: str, folder: Path) -> Environment:
    for command in (
        ["venv", "--quiet", "--python", sys.executable, str(folder)],
        ["pip", "install", "--quiet", "--python", str(folder / "bin" / "python"), package],
    ):
        done = subprocess.run(
            [str(UV), *command], capture_output=True, text=True, timeout=900, check=False
        )
        if done.returncode:
            pytest.skip(f"{package} cannot be installed here: {done.stderr[-300:]}")
    return Environment(folder)


def test_ccxt_reads_candles_trades_and_tickers(exchange: RunningExchange, tmp_path: Path) -> None:
    got = installed(CCXT, tmp_path / "env").got("with_ccxt.py", exchange)

    assert got["markets"] == got["tickers"] == 11
    lengths = {
        "1s": 1,
        "1m": 60,
        "15m": 900,
        "1h": 3_600,
        "1d": DAY_S,
        "3d": 3 * DAY_S,
        "1w": 7 * DAY_S,
    }
    for timeframe, length in lengths.items():
        assert got["steps"][timeframe] == [length] * 3
    assert set(got["steps"]["1M"]) <= UNLIKE["1M"]
    assert len(got["steps"]) == 16
    assert all(len(steps) == 3 for steps in got["steps"].values())
    assert len(got["minutes"]) == 1_440
    assert followed(got["minutes"], MINUTE_MS)
    assert got["years"] == 1_000
    assert len(got["trades"]) == 200
    assert followed(got["trades"], 1)
    assert got["aggregates"] == 500
    assert got["bid"] < got["ask"]
    assert abs(got["last"] / got["close"] - 1) < 0.05
    assert got["errors"] == {
        "unknown symbol": "BadSymbol",
        "unknown interval": "BadRequest",
        "order book": "BadRequest",
    }


def test_python_binance_reads_klines_trades_and_tickers(
    exchange: RunningExchange, tmp_path: Path
) -> None:
    got = installed(PYTHON_BINANCE, tmp_path / "env").got("with_python_binance.py", exchange)

    assert set(got["klines"].values()) == {10}
    assert len(got["generated"]) >= 1_200
    assert followed(got["generated"], MINUTE_MS)
    assert got["earliest"] == 1_596_240_000_000  # SOLUSDT was listed in August 2020
    assert abs(float(got["price"]) / float(got["ticker"]) - 1) < 0.05
    assert (got["prices"], got["books"]) == (11, 11)
    assert len(got["recent"]) == 500
    assert followed(got["recent"], 1)
    assert got["historical"] == 5
    assert len(got["aggregates"]) == 1_500
    assert followed(got["aggregates"], 1)
    assert got["errors"] == {"unknown symbol": -1121, "order book": -1020, "average": -1020}


def test_freqtrade_downloads_quarters_and_days(exchange: RunningExchange, tmp_path: Path) -> None:
    environment = installed(FREQTRADE, tmp_path / "env")
    api = f"{exchange.http_url}/api/v3"
    ccxt_config = {
        "options": {"fetchMarkets": {"types": ["spot"]}},
        "urls": {"api": {"public": api, "private": api, "v1": api}},
    }
    config = {
        "exchange": {
            "name": "binance",
            "pair_whitelist": ["ETH/USDT"],
            "ccxt_config": ccxt_config,
            "ccxt_async_config": ccxt_config,
        },
        "stake_currency": "USDT",
        "dry_run": True,
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    environment.run("freqtrade", "create-userdir", "--userdir", tmp_path / "user")
    where = ["--config", tmp_path / "config.json", "--userdir", tmp_path / "user"]
    asked = ["-t", "15m", "1d", "--days", "30", "--data-format-ohlcv", "json"]
    environment.run("freqtrade", "download-data", *where, *asked)

    data = tmp_path / "user" / "data" / "binance"
    for timeframe, length_ms in (("15m", 15 * MINUTE_MS), ("1d", DAY_S * 1_000)):
        rows = json.loads((data / f"ETH_USDT-{timeframe}.json").read_text())
        opens = [row[0] for row in rows]
        assert len(opens) >= 29 * DAY_S * 1_000 // length_ms
        assert followed(opens, length_ms)
        served = exchange.get(
            "/api/v3/klines", symbol="ETHUSDT", interval=timeframe, startTime=opens[0], limit=20
        ).json()
        assert [[row[0], *map(float, row[1:6])] for row in served] == rows[:20]


def followed(values: list[int], step: int) -> bool:
    return {after - value for value, after in itertools.pairwise(values)} == {step}
