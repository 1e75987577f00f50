"""Models of others in the predictor's process, over real Kafka and a real store."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from candlewick.stack.environment import environment_of
from candlewick.stack.parent_death import leashed
from candlewick.store.admin import apply_migrations
from clients.clickhouse import connect_writer
from processors.extra.contestants import contestants_with
from processors.extra.host import close_hosts
from processors.extra.specification import specifications
from processors.prediction.prequential import step
from processors.prediction.state import start_state
from schemas import codecs, topics
from schemas.predictions import ModelVersion, Prediction
from schemas.settings import Settings
from sinks.tables import TABLES
from tests.support.candle_builders import trembling_minutes
from tests.support.messages import sent
from tests.support.servers import running_clickhouse, running_kafka

STORED, LIVE = 30 * 60, 240  # enough for the predictor to begin, and for all to join
MARKET = trembling_minutes(STORED + LIVE)
AFTER = 6  # candles to send once all have joined
PATIENCE_S = 120.0
PLACE = "tests.support.stranger_models"
SOUND = {"mean": f"{PLACE}:MeanByMinutes", "leaning": f"{PLACE}:Leaning"}
FAULTY = {"loop": f"{PLACE}:looping", "dead": f"{PLACE}:dying", "none": f"{PLACE}:broken"}


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    with (
        running_kafka(tmp_path / "kafka") as kafka,
        running_clickhouse(tmp_path / "store") as store,
    ):
        accounts = {"user": store.user, "password": store.password}
        accounts |= {"reader_user": store.reader, "reader_password": store.reader_password}
        made = Settings.model_validate(
            {
                "symbols": "BTCUSDT",
                "data_dir": tmp_path / "data",
                "kafka": {"bootstrap_servers": kafka.bootstrap},
                "clickhouse": accounts | {"url": store.url},
                "models": {"extra": SOUND | FAULTY, "extra_answer_s": 0.5},
            }
        )
        apply_migrations(made.clickhouse)
        table = next(t for t in TABLES if t.topic is topics.CANDLES)
        with connect_writer(made.clickhouse) as client:
            rows = b"".join(table.read(sent(c)).data for c in MARKET)
            client.raw_insert(table.name, table.columns, rows, fmt="RowBinary")
        yield made


@pytest.fixture
def predictor(settings: Settings, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (tmp_path / "predictor.log").open("wb") as log:
        process = subprocess.Popen(
            leashed([sys.executable, "-P", "-m", "processors", "predictor"]),
            env=os.environ | environment_of(settings),
            stdout=log,
            stderr=log,
        )
    yield process
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    gone, left = psutil.wait_procs(children, timeout=30)
    assert (len(gone) > 0, left) == (True, [])


class Published:
    """What the predictor has published so far."""

    def __init__(self, settings: Settings) -> None:
        self.predictions: dict[tuple[int, str], Prediction] = {}
        self.failed: dict[str, str] = {}
        self._consumer = Consumer(
            {"bootstrap.servers": settings.kafka.bootstrap_servers, "group.id": "test"}
        )
        names = topics.PREDICTIONS.name, topics.MODEL_VERSIONS.name
        known = self._consumer.list_topics(timeout=PATIENCE_S).topics
        self._consumer.assign([TopicPartition(n, p, 0) for n in names for p in known[n].partitions])

    def poll(self, seconds: float) -> None:
        for message in self._consumer.consume(1000, seconds):
            if message.topic() == topics.PREDICTIONS.name:
                p = codecs.decode(Prediction, message.value() or b"")
                self.predictions[p.issued_ms, p.model] = p
            else:
                event = codecs.decode(ModelVersion, message.value() or b"")
                self.failed[event.model] = event.reason

    def of(self, model: str) -> dict[int, Prediction]:
        return {ms: p for (ms, name), p in self.predictions.items() if name == model}

    def close(self) -> None:
        self._consumer.close()


def test_sound_models_answer_as_in_a_replay_and_faulty_ones_harm_nobody(
    settings: Settings, predictor: subprocess.Popen[bytes]
) -> None:
    published = Published(settings)
    producer = Producer({"bootstrap.servers": settings.kafka.bootstrap_servers})
    deadline, live, left = time.monotonic() + PATIENCE_S, MARKET[STORED:], AFTER
    count = 0
    while left and count < LIVE and time.monotonic() < deadline:
        message = codecs.message_of(live[count])
        producer.produce(topics.CANDLES.name, message.value, "BTCUSDT", headers=[*message.headers])
        count += 1
        assert producer.flush(PATIENCE_S) == 0
        polled_until = time.monotonic() + 20
        while live[count - 1].close_ms not in published.of("online"):
            published.poll(0.2)
            assert time.monotonic() < max(polled_until, deadline)
        published.poll(0.3)
        left -= bool(published.of("leaning"))
    published.close()

    assert predictor.poll() is None
    assert left == 0
    expected = replayed(settings, count)
    for name in ("reference", "online", *SOUND):
        found = published.of(name)
        assert found == {ms: expected[ms, name] for ms in found}
    assert len(published.of("online")) == count
    assert {name: published.failed[name] for name in FAULTY} == {
        "loop": "it gave no answer within 0.5 s: put aside",
        "dead": "its process ended with 7: put aside",
        "none": "ValueError: no weights here: put aside",
    }


def replayed(settings: Settings, live: int) -> dict[tuple[int, str], Prediction]:
    sound = [one for one in specifications(settings.models) if one.name in SOUND]
    state = start_state("BTCUSDT", contestants=contestants_with(sound))
    found = {}
    for candle in MARKET[: STORED + live]:
        found |= {(p.issued_ms, p.model): p for p in step(state, candle).predictions}
    close_hosts()
    return found
