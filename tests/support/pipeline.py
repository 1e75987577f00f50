"""The whole pipeline over real servers, each process of its own, to be killed at will."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import httpx

from candlewick.stack.parent_death import leashed
from candlewick.store.admin import apply_migrations
from tests.support.exchange_process import Option
from tests.support.servers import (
    RunningClickHouse,
    RunningExchange,
    RunningKafka,
    running_clickhouse,
    running_exchange,
    running_kafka,
)

DATABASE = "candlewick"
FIELDS = (
    "open",
    "high",
    "low",
    "close",
    "volume",
    "quote_volume",
    "trade_count",
    "taker_buy_volume",
    "taker_buy_quote_volume",
)
Kline = tuple[str, ...]
COMMANDS = {
    "sink": ["sinks"],
    "candles": ["processors", "worker"],
    "stream": ["producers", "stream"],
}


@dataclass(slots=True)
class Pipeline:
    """Everything that runs, and what ClickHouse and the exchange say."""

    folder: Path
    kafka: RunningKafka
    clickhouse: RunningClickHouse
    exchange: RunningExchange
    symbols: tuple[str, ...]
    speed: float
    more: dict[str, str] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str) -> None:
        command = leashed([sys.executable, "-m", *COMMANDS[name]])
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command, env=self._environment(), stdout=log, stderr=log
            )

    def kill(self, name: str) -> None:
        """kill -9; it stays dead until `start`."""
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def restart_dead(self) -> None:
        """Start again what has left by itself, as the supervisor would."""
        for name, process in list(self.processes.items()):
            if process.poll() is not None:
                self.start(name)

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """Rows of a query; prices and volumes as text without trailing zeros."""
        with self.clickhouse.client(database=DATABASE) as client:
            return [tuple(row) for row in client.query(query).result_rows]

    def candles(self, interval: str, *, before_ms: int) -> dict[tuple[str, int], Kline]:
        """Our closed candles that ended by `before_ms`, gapped ones left out."""
        return self._candles("candles", interval, f"close_time <= {_time(before_ms)}")

    def statuses(self, interval: str) -> dict[tuple[str, int], str]:
        rows = self.rows(
            "SELECT symbol, toUnixTimestamp64Milli(open_time), status FROM candles FINAL "  # noqa: S608 - our own words
            f"WHERE interval = '{interval}'"
        )
        return {(str(symbol), int(str(ms))): str(status) for symbol, ms, status in rows}

    def _candles(self, table: str, interval: str, condition: str) -> dict[tuple[str, int], Kline]:
        fields = ", ".join(f"toString({name})" for name in FIELDS)
        rows = self.rows(
            f"SELECT symbol, toUnixTimestamp64Milli(open_time), {fields} FROM {table} FINAL "  # noqa: S608 - our own words
            f"WHERE interval = '{interval}' AND status != 'gapped' AND {condition}"
        )
        return {(str(r[0]), int(str(r[1]))): tuple(map(str, r[2:])) for r in rows}

    def exchange_klines(
        self, interval: str, opens: list[tuple[str, int]]
    ) -> dict[tuple[str, int], Kline]:
        """The exchange's klines over REST for the given candles."""
        found: dict[tuple[str, int], Kline] = {}
        for symbol in {symbol for symbol, _ in opens}:
            first = min(ms for s, ms in opens if s == symbol)
            rows = self.exchange.get(
                "/api/v3/klines", symbol=symbol, interval=interval, startTime=first, limit=1000
            ).json()
            for row in rows:
                found[symbol, row[0]] = tuple(_plain(row[i]) for i in (1, 2, 3, 4, 5, 7, 8, 9, 10))
        return {key: kline for key, kline in found.items() if key in opens}

    def market_ms(self) -> int:
        """The exchange's clock, asked in a way that has no limit."""
        state = cast("dict[str, int]", self.exchange.admin("GET", "market"))
        return state["now_ms"]

    def wait_for(self, query: str, *, at_least: int, within_s: float) -> int:
        """Poll a query for one number until it is reached."""
        deadline, value = time.monotonic() + within_s, -1
        while time.monotonic() < deadline and value < at_least:
            try:
                value = int(str(self.rows(query)[0][0]))
            except Exception:  # noqa: BLE001 - ClickHouse may be away: the deadline decides
                value = -1
            self.restart_dead()
            time.sleep(0.1)
        return value

    def wait_for_candles(self, interval: str, *, until_ms: int, within_s: float) -> None:
        """Wait until every symbol has the candle that ends at or after `until_ms`."""
        newest = (
            "SELECT min(newest) FROM (SELECT symbol, max(toUnixTimestamp64Milli(close_time)) "  # noqa: S608 - our own words
            f"AS newest FROM candles WHERE interval = '{interval}' GROUP BY symbol "
            f"HAVING count() > 0) HAVING count() = {len(self.symbols)}"
        )
        reached = self.wait_for(newest, at_least=until_ms, within_s=within_s)
        if reached < until_ms:
            raise AssertionError(f"candles reached {reached}, wanted {until_ms}: {self.tail()}")

    def tail(self) -> str:
        """The last lines of every log."""
        logs = sorted(self.folder.glob("*.log"))
        return "\n".join(f"{log.name}: {log.read_text()[-800:]}" for log in logs)

    def _environment(self) -> dict[str, str]:
        return (
            os.environ
            | {
                "CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS": self.kafka.bootstrap,
                "CANDLEWICK_CLICKHOUSE__URL": self.clickhouse.url,
                "CANDLEWICK_CLICKHOUSE__USER": self.clickhouse.user,
                "CANDLEWICK_CLICKHOUSE__PASSWORD": self.clickhouse.password,
                "CANDLEWICK_BINANCE__STREAM_URL": self.exchange.ws_url,
                "CANDLEWICK_BINANCE__REST_URL": self.exchange.http_url,
                "CANDLEWICK_SYMBOLS": ",".join(self.symbols),
                "CANDLEWICK_DATA_DIR": str(self.folder),
                "CANDLEWICK_LOG_LEVEL": "INFO",
                # Tests wait for what is stored.
                "CANDLEWICK_SINKS__TRADES_LINGER_MS": "500",
                "CANDLEWICK_SINKS__LIVE_LINGER_MS": "500",
                # A moment of ours is many of a market that runs faster.
                "CANDLEWICK_STREAM__AHEAD_S": str(5 * self.speed),
            }
            | self.more
        )


@contextmanager
def running_pipeline(
    folder: Path,
    *,
    symbols: tuple[str, ...],
    more: dict[str, str] | None = None,
    **exchange: Option,
) -> Iterator[Pipeline]:
    """Exchange, Kafka, ClickHouse, producer, worker and sink over a folder."""
    with ExitStack() as stack:
        kafka = stack.enter_context(running_kafka(folder / "kafka"))
        clickhouse = stack.enter_context(running_clickhouse(folder / "clickhouse"))
        apply_migrations(clickhouse.settings)
        server = stack.enter_context(running_exchange(**exchange))
        speed = float(cast("float", exchange.get("speed", 1.0)))
        pipeline = Pipeline(folder, kafka, clickhouse, server, symbols, speed, more or {})
        try:
            for name in COMMANDS:
                pipeline.start(name)
            yield pipeline
        finally:
            for name in list(pipeline.processes):
                pipeline.kill(name)


def _plain(value: object) -> str:
    text = str(value)
    return text.rstrip("0").rstrip(".") if "." in text else text


def _time(ms: int) -> str:
    return f"fromUnixTimestamp64Milli({ms}, 'UTC')"


def agg_trades(exchange: RunningExchange, symbol: str, first: int, last: int) -> list[list[str]]:
    """Every aggregate trade of the exchange with ids `first` to `last`, over REST."""
    rows: list[list[str]] = []
    with httpx.Client(base_url=exchange.http_url, timeout=30) as client:
        while first <= last:
            params: dict[str, str | int] = {"symbol": symbol, "fromId": first, "limit": 1000}
            page = client.get("/api/v3/aggTrades", params=params).raise_for_status().json()
            rows += [[str(t["a"]), _plain(t["p"]), _plain(t["q"])] for t in page if t["a"] <= last]
            first = page[-1]["a"] + 1
    return rows
