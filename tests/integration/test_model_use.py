"""A promotion or retirement that would do nothing is refused, by what the store holds."""

import time
from collections.abc import Iterator
from dataclasses import replace

import orjson
import pytest
from clickhouse_connect.driver.client import Client

from candlewick.store.admin import apply_migrations
from candlewick.store.model_use import ModelUse
from candlewick.store.models import ModelTables
from schemas.errors import ConfigurationError
from schemas.predictions import ModelVersion, Prediction
from schemas.timeframe import DAY_MS
from sinks.tables import TABLES
from tests.support.messages import sent
from tests.support.prediction_builders import QUARTER_MS, an_answer
from tests.support.servers import running_clickhouse

NOW_MS = time.time_ns() // 1_000_000 // QUARTER_MS * QUARTER_MS
EARLIER_MS = NOW_MS - 40 * QUARTER_MS


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with running_clickhouse(tmp_path_factory.mktemp("models") / "data") as server:
        apply_migrations(server.settings)
        with server.client(database="candlewick") as opened:
            store(opened, *answers(), *events())
            yield opened


def answers() -> Iterator[Prediction]:
    """Those of one moment: a batch model for BTCUSDT alone, and a classifier of one's own."""
    for symbol in ("BTCUSDT", "ETHUSDT"):
        own = ("batch",) if symbol == "BTCUSDT" else ()
        for model in ("reference", "online", "leaning", *own):
            wide = model in {"reference", "leaning"}
            yield replace(
                an_answer(NOW_MS, symbol=symbol, model=model),
                version="v2" if model == "batch" else "1",
                low_90_e8=(90 if wide else 95) * 10**8,
            )


def events() -> Iterator[ModelVersion]:
    yield an_event("batch", "trained", "v2", symbols=["BTCUSDT"])
    yield an_event("forest", "trained", "f1")
    yield an_event("forest", "retired", "")
    yield an_event("lstm", "trained", "l1", effective_ms=NOW_MS + QUARTER_MS)
    yield an_event("aside", "failed", "1")


def an_event(model: str, event: str, version: str, **details: object) -> ModelVersion:
    later = 1 if event == "retired" else 0
    if event != "failed":
        details = {"effective_ms": EARLIER_MS} | details
    told = orjson.dumps(details).decode()
    return ModelVersion(model, version, "", event, EARLIER_MS + later, "", told)


def store(client: Client, *records: Prediction | ModelVersion) -> None:
    for record in records:
        table = next(t for t in TABLES if t.topic.record is type(record))
        client.raw_insert(table.name, table.columns, table.read(sent(record)).data, fmt="RowBinary")


def use(client: Client, model: str, symbol: str = "") -> ModelUse:
    return ModelUse(ModelTables(client), model, symbol, NOW_MS + 60_000)


@pytest.mark.parametrize(
    ("model", "symbol", "version"),
    [
        ("batch", "", "v2"),
        ("batch", "BTCUSDT", "v2"),
        ("online", "ETHUSDT", ""),
        ("reference", "", ""),
        ("lstm", "ETHUSDT", "l1"),  # it is trained, and answers soon
        ("forest", "", "f1"),  # it was retired, and the promotion takes that back
    ],
)
def test_a_model_that_answers_or_soon_will_may_be_promoted(
    client: Client, model: str, symbol: str, version: str
) -> None:
    assert use(client, model, symbol).promotable() == version


@pytest.mark.parametrize(
    ("model", "symbol", "words"),
    [
        ("batch", "ETHUSDT", "batch does not answer for ETHUSDT: `candlewick train --model batch`"),
        ("blend", "", "blend does not answer for any symbol: `candlewick predictions"),
        ("leaning", "", "leaning predicts a chance only"),
        ("aside", "", "aside does not answer for any symbol"),
        ("nobody", "", "there is no model nobody: .*CANDLEWICK_MODELS__EXTRA"),
    ],
)
def test_a_promotion_that_would_do_nothing_is_refused(
    client: Client, model: str, symbol: str, words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        use(client, model, symbol).promotable()


def test_who_answers_or_will_after_the_next_start_may_be_retired(client: Client) -> None:
    for model in ("batch", "online", "leaning", "lstm", "aside"):
        use(client, model).check_retirement("")
    use(client, "batch", "BTCUSDT").check_retirement("v2")


def test_a_predictor_that_is_down_keeps_nobody_from_retiring_what_keeps_it_down(
    client: Client,
) -> None:
    later_ms = NOW_MS + 3 * DAY_MS  # candles went on, and nothing was predicted

    for model in ("batch", "online", "lstm"):
        ModelUse(ModelTables(client), model, "", later_ms).check_retirement("")
    for model, version in (("reference", ""), ("online", ""), ("batch", "v2")):
        assert ModelUse(ModelTables(client), model, "", later_ms).promotable() == version


@pytest.mark.parametrize(
    ("model", "version", "words"),
    [
        ("batch", "v1", "batch v1 does not answer: choose v2"),
        ("blend", "", "blend does not answer for any symbol"),
        ("forest", "", "forest does not answer for any symbol"),
        ("nobody", "", "there is no model nobody"),
    ],
)
def test_a_retirement_that_would_do_nothing_is_refused(
    client: Client, model: str, version: str, words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        use(client, model).check_retirement(version)
