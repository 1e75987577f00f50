"""From a request on the topic to a model that answers: real Kafka, real store, real processes."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from importlib.util import find_spec

import orjson
import psutil
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from typer.testing import CliRunner

from candlewick.cli import build_app
from candlewick.stack.environment import environment_of
from candlewick.stack.parent_death import leashed
from candlewick.store.admin import apply_migrations
from candlewick.store.models import ModelTables
from clients.clickhouse import connect_reader, connect_writer
from processors.models.artefact import METADATA
from processors.predictor.ports import Acknowledgements
from processors.predictor.ports import Record as Answer
from processors.predictor.predictor import Predictor
from processors.predictor.score_backfill import score_past
from processors.predictor.warm_start import Warmed, warm
from processors.training.request import version_of
from processors.training.run import run
from processors.training.trainer import GROUP
from processors.versions.follower import VersionFollower
from processors.versions.installer import Installer
from processors.versions.schedule import ModelSchedule
from processors.versions.store import ModelStore
from schemas import codecs, topics
from schemas.codecs import Record
from schemas.errors import ConfigurationError, PoisonMessage, how_to_add
from schemas.predictions import ModelVersion, Prediction, Score, TrainingRequest
from schemas.settings import Settings
from sinks.tables import TABLES
from tests.support.candle_builders import MIDNIGHT_MS, trembling_minutes
from tests.support.messages import sent
from tests.support.prediction_builders import an_answer
from tests.support.servers import running_clickhouse, running_kafka

DAY_MS = 86_400_000
STORED = 8 * 1440 + 30
MARKET = trembling_minutes(STORED + 60)
DEADLINE_S = 180.0  # a training is polite, and the tests beside it are not
ENDED_S = 120.0
pytestmark = pytest.mark.timeout(600)  # two or three trainings
CAN_TRAIN_LSTM = bool(find_spec("keras") and find_spec("jax"))
KERAS = pytest.mark.skipif(
    not CAN_TRAIN_LSTM,
    reason="Keras and JAX are not installed: .venv/bin/uv sync --frozen --inexact --extra lstm",
)


@dataclass(frozen=True, slots=True)
class Stack:
    settings: Settings
    producer: Producer

    def ask(self, request: TrainingRequest | bytes) -> None:
        if isinstance(request, bytes):
            self.producer.produce(topics.TRAINING_REQUESTS.name, request)
        else:
            message = codecs.message_of(request)
            self.producer.produce(
                topics.TRAINING_REQUESTS.name,
                message.value,
                message.key,
                headers=list(message.headers),
            )
        assert self.producer.flush(10) == 0

    def told(self, version: str, count: int = 1) -> list[ModelVersion]:
        """The events of a version, as soon as there are so many."""
        servers = self.settings.kafka.bootstrap_servers
        consumer = Consumer({"bootstrap.servers": servers, "group.id": "test"})
        name, found = topics.MODEL_VERSIONS.name, list[ModelVersion]()
        consumer.assign([TopicPartition(name, p, 0) for p in range(4)])
        deadline = time.monotonic() + DEADLINE_S
        while len(found) < count and time.monotonic() < deadline:
            values = [m.value() for m in consumer.consume(100, 0.2) if not m.error()]
            events = [codecs.decode(ModelVersion, value) for value in values if value]
            found += [e for e in events if e.version == version]
        consumer.close()
        assert len(found) >= count, "nothing was told in time"
        return found


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("trainer")
    with running_kafka(folder / "kafka") as kafka, running_clickhouse(folder / "store") as store:
        accounts = {"user": store.user, "password": store.password}
        accounts |= {"reader_user": store.reader, "reader_password": store.reader_password}
        settings = Settings.model_validate(
            {
                "symbols": "BTCUSDT",
                "data_dir": folder / "data",
                "kafka": {"bootstrap_servers": kafka.bootstrap},
                "clickhouse": accounts | {"url": store.url},
            }
        )
        apply_migrations(settings.clickhouse)
        keep(settings, MARKET[:STORED])
        yield Stack(settings, Producer({"bootstrap.servers": kafka.bootstrap}))


def keep(settings: Settings, records: Iterable[Record]) -> None:
    kept = list(records)
    table = next(t for t in TABLES if t.topic.record is type(kept[0]))
    rows = b"".join(table.read(sent(record)).data for record in kept)
    with connect_writer(settings.clickhouse) as client:
        client.raw_insert(table.name, table.columns, rows, fmt="RowBinary")


@contextmanager
def a_trainer(stack: Stack, name: str = "trainer-1") -> Iterator[subprocess.Popen[bytes]]:
    command = leashed([sys.executable, "-m", "processors", "trainer", "--name", name])
    log = stack.settings.data_dir.with_name(f"{name}.log")
    with log.open("ab") as said:
        environment = environment_of(stack.settings)
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
    try:
        yield process
    finally:
        process.terminate()
        try:
            assert process.wait(ENDED_S) == 0 or process.returncode < 0
        finally:
            process.kill()
            process.wait()


def a_request(**changes: object) -> TrainingRequest:
    until_ms = MIDNIGHT_MS + 8 * DAY_MS
    request = TrainingRequest("BTCUSDT", "batch", MIDNIGHT_MS, until_ms, "me", until_ms)
    return replace(request, **changes)  # type: ignore[arg-type]


class Out:
    def __init__(self) -> None:
        self.records: list[Answer] = []

    async def publish(self, records: Iterable[Answer]) -> Acknowledgements:
        self.records += records
        return ()


async def predicted(settings: Settings) -> list[Prediction]:
    """What a predictor answers to the minutes after those that are stored."""
    changes, out = ModelSchedule(), Out()
    follower = VersionFollower(settings.kafka, changes)
    following = asyncio.create_task(follower.follow())
    await asyncio.wait_for(follower.caught_up.wait(), DEADLINE_S)
    following.cancel()

    async def warmed(symbol: str, until_ms: int, _bars: int = 0, _scored_ms: int = 0) -> Warmed:
        known = await asyncio.to_thread(warm, settings, symbol, until_ms, changes.of(symbol))
        return replace(known, whole=True)  # eight days are all there is

    installer = Installer(changes, ModelStore(settings.data_dir).load)
    predictor = Predictor(warmed, out, installer)
    for candle in MARKET[STORED:]:
        await predictor.take(candle)
        await asyncio.gather(*predictor._tasks.values())
    return [r for r in out.records if isinstance(r, Prediction)]


def asked_at_start(settings: Settings, by: str) -> TrainingRequest:
    """What a predictor that has just started asks for."""
    command = leashed([sys.executable, "-m", "processors", "predictor"])
    with settings.data_dir.with_name("predictor.log").open("ab") as said:
        environment = os.environ | environment_of(settings)
        predictor = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
    try:
        return asked_for(settings, by)
    finally:
        predictor.kill()
        predictor.wait()


def test_the_first_start_asks_for_a_training(stack: Stack) -> None:
    first = asked_at_start(stack.settings, "first start")

    assert (first.symbol, first.model) == ("", "batch")
    assert first.until_ms == MIDNIGHT_MS + 8 * DAY_MS


def asked_for(settings: Settings, by: str) -> TrainingRequest:
    """The request of someone on the topic; the trainer is told that it is done."""
    servers = settings.kafka.bootstrap_servers
    trainer = {"group.id": GROUP, "auto.offset.reset": "earliest", "enable.auto.commit": False}
    consumer = Consumer({"bootstrap.servers": servers} | trainer)
    consumer.assign([TopicPartition(topics.TRAINING_REQUESTS.name, p, 0) for p in range(4)])
    found: dict[str, TrainingRequest] = {}
    deadline = time.monotonic() + DEADLINE_S
    while by not in found and time.monotonic() < deadline:
        for message in consumer.consume(10, 0.2):
            with suppress(PoisonMessage):  # of other tests
                request = codecs.decode(TrainingRequest, message.value() or b"")
                found[request.requested_by] = request
            consumer.commit(message=message, asynchronous=False)
    consumer.close()
    return found[by]


@pytest.mark.parametrize("model", ["batch", pytest.param("lstm", marks=KERAS)])
def test_a_request_becomes_a_model_that_answers_from_its_time_on(stack: Stack, model: str) -> None:
    request = a_request(model=model)
    version = version_of(request)
    with a_trainer(stack):
        stack.ask(b"rubbish")
        stack.ask(request)
        (trained,) = stack.told(version)
        stack.ask(replace(request, requested_by="you"))
        again = stack.told(version, 2)[-1]
        stack.ask(replace(request, requested_ms=request.requested_ms + 1))
        anew = stack.told(version, 3)[-1]

    details = orjson.loads(trained.details)
    assert trained.event == "trained"
    assert details["folder"] == f"models/{model}/{version}"
    assert (stack.settings.data_dir / details["folder"] / METADATA).exists()
    assert details.pop("request")["requested_by"] == "me"
    repeated = orjson.loads(again.details)
    assert repeated.pop("request")["requested_by"] == "you"
    assert repeated == details
    renewed = orjson.loads(anew.details)
    assert renewed.pop("request")["requested_ms"] == request.requested_ms + 1
    assert renewed == details
    answers = asyncio.run(predicted(stack.settings))
    its = [p for p in answers if p.model == model]
    assert min(p.issued_ms for p in its) == details["effective_ms"]
    assert {p.version for p in its} == {version}
    assert min(p.issued_ms for p in answers) < details["effective_ms"]


def test_a_range_is_trained_anew_where_more_of_it_is_stored(stack: Stack) -> None:
    wish = a_request(symbol="ETHUSDT")
    ether = [replace(candle, symbol="ETHUSDT") for candle in MARKET[:STORED]]
    keep(stack.settings, ether[:1440] + ether[2 * 1440 :])

    first = run(stack.settings, wish)
    again = run(stack.settings, replace(wish, requested_ms=wish.requested_ms + 1))
    keep(stack.settings, ether[1440 : 2 * 1440])
    more = replace(wish, requested_ms=wish.requested_ms + 2)
    anew, repeated = run(stack.settings, more), run(stack.settings, more)

    assert {e.event for e in (first, again, anew, repeated)} == {"trained"}
    assert "with 87.5% of the range stored" in first.reason
    assert "with 100.0% of the range stored" in anew.reason
    assert [first.version, again.version] == [version_of(wish)] * 2
    assert anew.version not in {first.version, ""}
    assert replace(repeated, event_ms=anew.event_ms) == anew
    keep(stack.settings, [anew])
    with connect_reader(stack.settings.clickhouse) as client:
        (shown,) = ModelTables(client).events(version_of(wish), limit=5)
    assert shown.version == anew.version


def test_requests_that_cannot_be_met_are_answered_and_the_next_one_is_taken(stack: Stack) -> None:
    day_ms = MIDNIGHT_MS + DAY_MS
    wishes = {
        "backfill": a_request(symbol="NOSUCHUSDT"),
        "choose": a_request(model="crystal-ball"),
        "begins": a_request(until_ms=MIDNIGHT_MS - DAY_MS),
        "at the latest": a_request(until_ms=MIDNIGHT_MS + 20 * DAY_MS),
        "it needs": a_request(from_ms=MIDNIGHT_MS - 7 * DAY_MS, until_ms=day_ms),
    }
    if not CAN_TRAIN_LSTM:
        wishes[how_to_add("lstm")] = a_request(model="lstm")
    with a_trainer(stack):
        for wish in wishes.values():
            stack.ask(wish)
        for hint, wish in wishes.items():
            event = stack.told(version_of(wish))[0]
            assert event.event == "failed"
            assert hint in event.reason


def test_a_training_that_was_killed_is_done_again_and_leads_to_the_same_version(
    stack: Stack,
) -> None:
    request = a_request(model="forest", from_ms=MIDNIGHT_MS + DAY_MS // 4)
    with a_trainer(stack) as trainer:
        stack.ask(request)
        child = wait_for_child(trainer.pid)
        trainer.kill()
        trainer.wait()
        psutil.wait_procs([child], timeout=20)
        assert not child.is_running()
    with a_trainer(stack):
        assert stack.told(version_of(request))[0].event == "trained"


def test_the_past_is_scored_once_and_told_from_what_was_answered_in_time(stack: Stack) -> None:
    until_ms = MARKET[STORED].open_ms
    sent = score_past(stack.settings, "BTCUSDT", until_ms)
    scores = sent_scores(stack.settings, sent)
    kept = [s for s in scores if not 2 <= (s.open_ms - MIDNIGHT_MS) / DAY_MS < 3]
    keep(stack.settings, kept)
    again = score_past(stack.settings, "BTCUSDT", until_ms)
    repeated = sent_scores(stack.settings, sent + again)[sent:]
    keep(stack.settings, repeated)

    assert len({(s.issued_ms, s.model) for s in scores}) == sent
    assert {s.open_ms // DAY_MS for s in scores} == {MIDNIGHT_MS // DAY_MS + d for d in range(9)}
    assert set(kept) | set(repeated) == set(scores)
    assert again == sent - len(kept)
    assert score_past(stack.settings, "BTCUSDT", until_ms) == 0


def sent_scores(settings: Settings, count: int) -> list[Score]:
    """The scores on the topic; each must say that it was replayed."""
    servers = settings.kafka.bootstrap_servers
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "test"})
    consumer.assign([TopicPartition(topics.SCORES.name, p, 0) for p in range(4)])
    found: list[Score] = []
    deadline = time.monotonic() + DEADLINE_S
    while len(found) < count and time.monotonic() < deadline:
        for message in consumer.consume(10_000, 0.5):
            assert message.headers() == [codecs.contract_header(Score), ("replayed", b"1")]
            found.append(codecs.decode(Score, message.value() or b""))
    consumer.close()
    assert len(found) == count
    return found


def wait_for_child(pid: int) -> psutil.Process:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        for child in psutil.Process(pid).children():
            if "spawn_main" in " ".join(child.cmdline()):
                return child
        time.sleep(0.02)
    raise AssertionError("no training began")


def test_a_person_asks_for_a_training_and_decides_who_answers(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [n for n in os.environ if n.startswith("CANDLEWICK_")]:
        monkeypatch.delenv(name)
    for name, value in environment_of(stack.settings).items():
        monkeypatch.setenv(name, value)
    details = orjson.dumps({"effective_ms": 1, "symbols": ["BTCUSDT"]}).decode()
    keep(
        stack.settings, [ModelVersion("batch", "v7", "", "trained", MIDNIGHT_MS, "rounds", details)]
    )
    answers = an_answer(MARKET[STORED].open_ms, model="batch", version="v7")
    keep(stack.settings, [answers, replace(answers, model="reference", version="1")])

    asked = said("train", "--symbol", "btcusdt", "--from", "2023-11-14", "--to", "2023-11-22")
    promoted = said("models", "promote", "batch", "--symbol", "BTCUSDT")
    retired = said("models", "retire", "batch")

    version = version_of(a_request())
    assert version in asked
    assert "batch promoted for BTCUSDT at 2023-11-22 00:45 UTC" in promoted
    assert "batch retired for all symbols" in retired
    assert {e.event for e in stack.told("v7")} == {"promoted"}
    assert "batch v6 does not answer" in refused("models", "retire", "batch", "--version", "v6")
    assert "candlewick train --model forest" in refused("models", "promote", "forest")
    assert "v7" in said("models", "list")
    assert "effective_ms" in said("models", "show", "v7")


def test_a_month_whose_training_is_missing_asks_for_it(stack: Stack) -> None:
    month_ms = MIDNIGHT_MS - MIDNIGHT_MS % DAY_MS + 17 * DAY_MS  # the first of December
    details = orjson.dumps({"effective_ms": MIDNIGHT_MS}).decode()
    former = ModelVersion("batch", "former", "", "trained", MIDNIGHT_MS, "", details)
    message = codecs.message_of(former)
    headers = list(message.headers)
    stack.producer.produce(topics.MODEL_VERSIONS.name, message.value, message.key, headers=headers)
    assert stack.producer.flush(10) == 0
    open_ms = month_ms + 15 * 60_000
    keep(stack.settings, [replace(MARKET[0], open_ms=open_ms, close_ms=open_ms + 60_000)])

    assert asked_at_start(stack.settings, "monthly timer").until_ms == month_ms


def refused(*words: str) -> str:
    with pytest.raises(ConfigurationError) as told:
        CliRunner().invoke(build_app(words[:1]), list(words), catch_exceptions=False)
    return str(told.value)


def said(*words: str) -> str:
    result = CliRunner().invoke(build_app(words[:1]), list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output
