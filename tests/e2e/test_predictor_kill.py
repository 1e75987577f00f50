"""kill -9 of the predictor at random points: what it published is what a replay publishes."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from candlewick.stack.environment import environment_of
from candlewick.stack.parent_death import leashed
from candlewick.store.admin import apply_migrations
from clients.clickhouse import connect_writer
from processors.prediction.digest import Digest, combined
from processors.prediction.prequential import step
from processors.prediction.state import start_state
from schemas import codecs, topics
from schemas.market import Candle
from schemas.predictions import Prediction
from schemas.settings import Settings
from sinks.tables import TABLES
from tests.support.candle_builders import MIDNIGHT_MS, trembling_minutes
from tests.support.messages import sent
from tests.support.servers import running_clickhouse, running_kafka

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
STORED, LIVE = 3 * 1440, 90
MARKET = {
    symbol: [replace(c, symbol=symbol) for c in trembling_minutes(STORED + LIVE, seed=seed)]
    for seed, symbol in enumerate(SYMBOLS, 1)
}
DEADLINE_S = 600.0
KILLS = 4
Key = tuple[str, int, str]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@dataclass(slots=True)
class Topic:
    """Reads what predictors publish, and keeps it as the store does: one row a key."""

    consumer: Consumer
    rows: dict[Key, Prediction]
    read: int = 0

    def poll(self, seconds: float) -> None:
        for message in self.consumer.consume(1000, seconds):
            p = codecs.decode(Prediction, message.value() or b"")
            if p.scored:
                self.read += 1
                key = p.symbol, p.issued_ms, p.model
                assert self.rows.setdefault(key, p) == p, "a repeated prediction differs"

    def digest(self) -> str:
        digests = {symbol: Digest() for symbol in SYMBOLS}
        order = {"reference": 0, "online": 1}
        for key in sorted(self.rows, key=lambda k: (k[0], k[1], order[k[2]])):
            digests[key[0]].add([self.rows[key]])
        return combined({symbol: digest.hex() for symbol, digest in digests.items()})


@contextmanager
def servers(folder: Path) -> Iterator[Settings]:
    with running_kafka(folder / "kafka") as kafka, running_clickhouse(folder / "store") as store:
        accounts = {"user": store.user, "password": store.password}
        accounts |= {"reader_user": store.reader, "reader_password": store.reader_password}
        settings = Settings.model_validate(
            {
                "symbols": ",".join(SYMBOLS),
                "data_dir": folder / "data",
                "kafka": {"bootstrap_servers": kafka.bootstrap},
                "clickhouse": accounts | {"url": store.url},
            }
        )
        apply_migrations(settings.clickhouse)
        table = next(t for t in TABLES if t.topic is topics.CANDLES)
        candles = [c for market in MARKET.values() for c in market]
        with connect_writer(settings.clickhouse) as client:
            rows = b"".join(table.read(sent(c)).data for c in candles)
            client.raw_insert(table.name, table.columns, rows, fmt="RowBinary")
        yield settings


def a_predictor(settings: Settings, log: Path) -> subprocess.Popen[bytes]:
    command = leashed([sys.executable, "-m", "processors", "predictor"])
    with log.open("ab") as said:
        environment = os.environ | environment_of(settings)
        return subprocess.Popen(command, env=environment, stdout=said, stderr=said)


def replayed_digest() -> str:
    digests = {}
    for symbol, candles in MARKET.items():
        state = start_state(symbol)
        digest = Digest()
        for candle in candles:
            taken = step(state, candle)
            state = taken.state
            if candle.open_ms >= MIDNIGHT_MS + STORED * 60_000:
                digest.add(taken.predictions)
        digests[symbol] = digest.hex()
    return combined(digests)


def send(producer: Producer, candles: list[Candle]) -> None:
    for candle in candles:
        producer.produce(topics.CANDLES.name, codecs.encode(candle), candle.symbol)
    assert producer.flush(20) == 0


def test_a_predictor_that_is_killed_publishes_what_a_replay_does(tmp_path: Path) -> None:
    chance = random.Random(7)
    with servers(tmp_path) as settings:
        servers_of = {"bootstrap.servers": settings.kafka.bootstrap_servers}
        consumer = Consumer(servers_of | {"group.id": "test"})
        consumer.assign([TopicPartition(topics.PREDICTIONS.name, p, 0) for p in range(4)])
        producer, topic = (
            Producer(servers_of | {"partitioner": "murmur2_random"}),
            Topic(consumer, {}),
        )
        predictor = a_predictor(settings, tmp_path / "predictor.log")
        live = [c for minute in zip(*MARKET.values(), strict=True) for c in minute][3 * STORED :]
        pieces = [live[i : i + 18] for i in range(0, len(live), 18)]
        deadline, kills = time.monotonic() + DEADLINE_S, 0
        try:
            while len(topic.rows) < 2 * len(live) and time.monotonic() < deadline:
                if pieces:
                    send(producer, pieces.pop(0))
                topic.poll(chance.uniform(0.05, 0.6))
                if kills < KILLS and topic.rows and chance.random() < 0.4:
                    predictor.kill()
                    predictor.wait()
                    kills += 1
                    predictor = a_predictor(settings, tmp_path / "predictor.log")
        finally:
            predictor.kill()
            predictor.wait()
            consumer.close()

    assert kills == KILLS
    assert len(topic.rows) == 2 * len(live), (tmp_path / "predictor.log").read_text()[-2000:]
    assert topic.digest() == replayed_digest()
