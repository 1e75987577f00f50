"""A backfill between a real Kafka and a simulated exchange, in this process or in its own."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import Message

from candlewick.store.admin import apply_migrations
from clients.kafka.reader import TopicReader
from clients.kafka.topics import create_topics
from producers.history.archive_plan import Choice
from producers.history.backfill import Progress, Wanted, alone, running
from schemas import topics
from schemas.codecs import decode
from schemas.history import ArchiveFile, Hole
from schemas.market import Candle
from schemas.settings import ClickHouseSettings, KafkaSettings, Settings
from schemas.timeframe import Interval
from schemas.topics import Topic
from tests.support.exchange_process import RunningExchange
from tests.support.kafka_process import RunningKafka
from tests.support.servers import RunningClickHouse

DATA = Path(__file__).parents[1] / "data"
OFFICIAL = (DATA / "BTCUSDT-15m.csv.xz", DATA / "ETHUSDT-15m.csv.xz")
OFFICIAL_START_MS = 1_735_516_800_000
OFFICIAL_END_MS = OFFICIAL_START_MS + 46_673 * 900_000
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Past:
    """Where a backfill takes from, and where it puts it."""

    kafka: RunningKafka
    exchange: RunningExchange
    folder: Path

    @property
    def settings(self) -> Settings:
        url = self.exchange.http_url
        return Settings.model_validate(
            {
                "data_dir": self.folder,
                "kafka": {"bootstrap_servers": self.kafka.bootstrap},
                "binance": {
                    "rest_url": url,
                    "archive_url": url,
                    "stream_url": self.exchange.ws_url,
                },
                "coins": {"url": f"{url}/api/v3"},
            }
        )

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {
            "CANDLEWICK_DATA_DIR": str(self.folder),
            "CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS": self.kafka.bootstrap,
            "CANDLEWICK_BINANCE__REST_URL": self.exchange.http_url,
            "CANDLEWICK_BINANCE__ARCHIVE_URL": self.exchange.http_url,
            "CANDLEWICK_COINS__URL": f"{self.exchange.http_url}/api/v3",
        }

    def create_topics(self) -> None:
        create_topics(KafkaSettings(bootstrap_servers=self.kafka.bootstrap))

    def fill(
        self,
        symbol: str,
        interval: str,
        start_ms: int,
        end_ms: int | None,
        choice: Choice = Choice.AUTO,
        *,
        checks_archives: bool = False,
    ) -> Progress:
        """Run a backfill of one symbol and interval."""
        wanted = Wanted((symbol,), (Interval(interval),), start_ms, end_ms, choice, checks_archives)
        return asyncio.run(_filled(self.settings, wanted))

    def command(
        self, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Start `candlewick backfill`."""
        return subprocess.Popen(
            [sys.executable, "-m", "candlewick", "backfill", *arguments],
            env=self.environment | dict(environment or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def count(self) -> int:
        """How many records the klines' topic has."""
        tail = TopicReader(self.kafka.settings, "count")
        try:
            return sum(high - low for low, high in tail.spans(topics.KLINES).values())
        finally:
            tail.close()

    def candles(self, symbol: str, interval: str) -> list[Candle]:
        """Every candle in Kafka, in the order of its arrival."""
        found = (decode(Candle, m.value() or b"") for m in self.records(topics.KLINES))
        return [c for c in found if (c.symbol, c.interval) == (symbol, interval)]

    def holes(self, symbol: str, interval: str) -> list[Hole]:
        found = (decode(Hole, m.value() or b"") for m in self.records(topics.HOLES))
        return [hole for hole in found if (hole.symbol, hole.interval) == (symbol, interval)]

    def archives(self, symbol: str, interval: str) -> list[ArchiveFile]:
        found = (decode(ArchiveFile, m.value() or b"") for m in self.records(topics.ARCHIVES))
        return [file for file in found if (file.symbol, file.interval) == (symbol, interval)]

    def klines(self, symbol: str, interval: str, start_ms: int, end_ms: int) -> list[list[object]]:
        """What the exchange says over REST: up to 1000 rows."""
        query: dict[str, str | int] = {"symbol": symbol, "interval": interval, "limit": 1000}
        query |= {"startTime": start_ms, "endTime": end_ms - 1}
        rows: list[list[object]] = self.exchange.get("/api/v3/klines", **query).json()
        return rows

    def records(self, topic: Topic) -> list[Message]:
        """Every message of a topic."""
        tail = TopicReader(self.kafka.settings, "read")
        try:
            return list(tail.new(topic))
        finally:
            tail.close()


def store_environment(store: RunningClickHouse, database: str = "candlewick") -> dict[str, str]:
    """The settings of a ClickHouse, as environment variables."""
    login = {"URL": store.url, "USER": store.user, "PASSWORD": store.password}
    login |= {"DATABASE": database}
    return {f"CANDLEWICK_CLICKHOUSE__{name}": value for name, value in login.items()}


@contextmanager
def sinks(past: Past, store: RunningClickHouse, database: str = "candlewick") -> Iterator[None]:
    """Sinks from Kafka into a database of their own."""
    login = {"url": store.url, "user": store.user, "password": store.password}
    apply_migrations(ClickHouseSettings.model_validate(login | {"database": database}))
    environment = past.environment | store_environment(store, database)
    process = subprocess.Popen([sys.executable, "-m", "sinks"], env=environment)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


async def _filled(settings: Settings, wanted: Wanted) -> Progress:
    progress = Progress()
    async with running(settings) as backfill, alone(settings, progress):
        await backfill.run(wanted, progress)
    return progress


def same(candle: Candle, row: Sequence[object]) -> bool:
    """Whether a candle has all values of an official row of twelve."""
    mine = [
        candle.open_ms,
        *(_plain(e8) for e8 in (candle.open_e8, candle.high_e8, candle.low_e8, candle.close_e8)),
        _plain(candle.volume_e8),
        candle.close_ms - 1,
        _plain(candle.quote_volume_e8),
        candle.trade_count,
        _plain(candle.taker_buy_volume_e8),
        _plain(candle.taker_buy_quote_volume_e8),
    ]
    return mine == list(row[:11])


def _plain(value_e8: int) -> str:
    return f"{value_e8 // 10**8}.{value_e8 % 10**8:08d}"
