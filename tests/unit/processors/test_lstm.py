"""The LSTM reads the same live and in training, and answers without what trains it."""

import math
import random
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.features.features import NAMES, POINT_NAMES, TRADE_NAMES, Features
from processors.features.sequence import CANDLES, CHANNELS, RECENT_NAMES
from processors.models.artefact import UnusableArtefact, save_artefact
from processors.models.lstm import KNOWN_WIDTH, WEIGHTS_FILE, WIDTH, Lstm, load_lstm, row_of
from processors.models.protocol import Answer, Outcome
from processors.models.weights import text_of, weights_of
from processors.prediction.calibrated_models import installed, retired
from processors.prediction.prequential import step
from processors.prediction.state import Asked, start_state
from processors.training import lstm, lstm_keras
from processors.training.batch import Training
from processors.training.dataset import Table, lessons_of
from processors.training.recipes import check_trainable, lessons_for, trained
from processors.versions.store import ModelStore
from schemas.errors import ConfigurationError
from schemas.market import Candle
from schemas.timeframe import Interval
from tests.support.candle_builders import MIDNIGHT_MS, trembling_minutes
from tests.support.model_beside import others_answer_as_without
from tests.support.network_builders import an_lstm, some_weights

DAY_MS, QUARTER_MS = 86_400_000, 900_000
DAY = trembling_minutes(1440)
KERAS = pytest.mark.skipif(
    not (find_spec("keras") and find_spec("jax")),
    reason="Keras and JAX are not installed: .venv/bin/uv sync --frozen --inexact --extra lstm",
)


class Watched(Lstm):
    """Keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(an_lstm().metadata, text_of(some_weights()))
        self.seen: list[tuple[Features, int]] = []

    def predict_one(self, x: Features, minutes: int) -> Answer:
        self.seen.append((dict(x), minutes))
        return super().predict_one(x, minutes)


def live(candles: list[Candle]) -> Watched:
    """An LSTM that has been asked at each of these minutes, as a predictor asks it."""
    model = Watched()
    state = start_state("BTCUSDT", contestants=installed([], model))
    for candle in candles:
        state = step(state, candle).state
    return model


def taught(candles: list[Candle]) -> list[tuple[Features, int]]:
    """What the same minutes teach the trainer."""
    lessons, kept = lessons_for("lstm"), list[tuple[Features, int]]()

    def add(asked: Asked, outcome: Outcome) -> None:
        kept.append((dict(asked.x), asked.minutes))
        lessons.add(asked, outcome)

    state = start_state("", contestants=[])
    state.on_lesson, state.teaches_recent = add, True
    for candle in candles:
        state = step(state, candle).state
    return kept


@settings(max_examples=15, deadline=None)
@given(st.integers(20, 300), st.integers(0, 10**6), st.sets(st.integers(0, 299), max_size=3))
def test_live_and_in_training_the_sequence_is_the_same_bit_for_bit(
    count: int, seed: int, missing: set[int]
) -> None:
    minutes = trembling_minutes(count, seed=seed)
    minutes = [c for i, c in enumerate(minutes) if i not in missing]

    asked = {tuple(row_of(x, left)) for x, left in live(minutes).seen}
    lessons = {tuple(row_of(x, left)) for x, left in taught(minutes)}

    assert lessons <= asked
    assert len(lessons) >= len(asked) - 2 * 15 - 15 * len(missing)


def test_the_rows_of_a_training_are_those_of_the_live_questions() -> None:
    minutes = DAY[:600]
    table = lessons_of(minutes, Interval.ONE_MINUTE, lessons_for("lstm")).table()

    asked = [row_of(x, left) for x, left in live(minutes).seen if left % 3 == 0]

    assert table.inputs.tolist() == asked[: len(table)]
    assert len(table) == 5 * 39
    assert table.inputs.shape[1] == WIDTH


@settings(max_examples=6, deadline=None)
@given(st.integers(20, 200), st.integers(0, 10**6))
def test_what_comes_later_does_not_change_a_sequence(known: int, seed: int) -> None:
    other = trembling_minutes(30, seed=seed, start_ms=DAY[known - 1].close_ms)

    before, after = live(DAY[: known + 30]).seen, live(DAY[:known] + other).seen

    assert before[: known - 14] == after[: known - 14]


def test_only_who_asks_for_the_sequence_sees_it() -> None:
    taken, _ = others_answer_as_without(an_lstm(), DAY[:300])
    state = taken.state

    assert not any(name in RECENT_NAMES for asked in state.asked for name in asked.x)
    assert [p.model for p in taken.predictions] == ["reference", "online", "lstm", "blend"]
    assert not any(c.reads_recent for c in retired(state.contestants, "lstm"))


def test_a_model_that_comes_later_reads_the_candles_before_it_too() -> None:
    state, model = start_state("BTCUSDT"), Watched()
    for candle in DAY[:100]:
        state = step(state, candle).state
    state.contestants = installed(state.contestants, model)
    for candle in DAY[100:130]:
        state = step(state, candle).state

    always = live(DAY[:130]).seen[-30:]
    assert [row_of(*question) for question in model.seen] == [row_of(*q) for q in always]


def test_the_newest_candle_is_the_last_and_none_counts_twice() -> None:
    (x, _), (later, _) = live(DAY[:200]).seen[-2:]

    volumes = [[of[f"volume_{ago}_ago"] for ago in range(CANDLES, 0, -1)] for of in (x, later)]
    returns = [[of[f"return_{ago}_ago"] for ago in range(CANDLES, 0, -1)] for of in (x, later)]
    ratios = [b / a for a, b in zip(returns[0][1:], returns[1], strict=False) if abs(a) > 0.01]
    assert np.ptp(ratios) < 1e-9  # the same candles, in relation to another volatility
    assert all(map(math.isfinite, volumes[0] + volumes[1]))


def test_minutes_without_trades_are_survived() -> None:
    still = [replace(c, volume_e8=0, trade_count=0, status="quiet") for c in DAY[:100]]

    for x, _ in live(still).seen:
        assert all(map(math.isfinite, x.values()))


def test_weights_come_back_bit_for_bit() -> None:
    weights = some_weights()

    found = weights_of(text_of(weights))

    assert found.keys() == weights.keys()
    assert all(np.array_equal(found[name], weights[name]) for name in weights)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"out": 1}', '{"out": [[2], "####"]}', '{"out": [[2], "AAAA"]}'],
)
def test_a_text_without_weights_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Lstm(an_lstm().metadata, text)


@pytest.mark.parametrize("spoilt", ["shape", "number", "missing"])
def test_weights_that_make_no_network_are_refused(spoilt: str) -> None:
    weights = some_weights()
    if spoilt == "shape":
        weights["hidden"] = weights["hidden"][1:]
    elif spoilt == "number":
        weights["kernel"][0, 0] = np.nan
    else:
        del weights["bias"]

    with pytest.raises(ValueError, match=r"weight"):
        Lstm(an_lstm().metadata, text_of(weights))


def test_an_artefact_answers_as_the_model_that_was_saved(tmp_path: Path) -> None:
    model = an_lstm()
    store = ModelStore(tmp_path)
    store.save(model.metadata, {WEIGHTS_FILE: text_of(some_weights())})
    folder = tmp_path / store.folder("lstm", model.version)

    loaded = load_lstm(folder)

    for x, minutes in live(DAY[:40]).seen:
        assert loaded.predict_one(x, minutes) == model.predict_one(x, minutes)
    assert loaded.metadata == model.metadata


def test_an_artefact_of_other_sequences_or_without_weights_is_refused(tmp_path: Path) -> None:
    metadata = an_lstm().metadata
    save_artefact(tmp_path / "a", replace(metadata, features="x"), {})
    save_artefact(tmp_path / "b", replace(metadata, sha256={}), {})

    with pytest.raises(UnusableArtefact, match="another version"):
        load_lstm(tmp_path / "a")
    with pytest.raises(UnusableArtefact, match="holds no LSTM"):
        load_lstm(tmp_path / "b")


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lstm, "find_spec", lambda _: None)

    with pytest.raises(ConfigurationError, match="sync --frozen --inexact --extra lstm"):
        check_trainable("lstm")
    check_trainable("batch")


def test_to_answer_neither_keras_nor_jax_is_imported() -> None:
    live(DAY[:20])

    assert "keras" not in sys.modules or find_spec("keras")
    assert not {"keras", "jax"} & set(vars(sys.modules["processors.models.lstm"]))


@pytest.mark.parametrize("days", [1, 60, 90, 126, 500, 990, 4000])
def test_more_days_teach_fewer_candles_of_each_at_every_time_of_the_day(days: float) -> None:
    lessons = lessons_for("lstm", days)

    assert days * 480 / lessons.stride <= 60_000
    assert {i * lessons.stride % 96 for i in range(96)} == set(range(96))


@pytest.fixture(scope="module")
def table() -> Table:
    minutes = trembling_minutes(8 * 1440)
    return lessons_of(minutes, Interval.ONE_MINUTE, lessons_for("lstm")).table()


TRAINING = Training("lstm", ("BTCUSDT",), MIDNIGHT_MS, MIDNIGHT_MS + 8 * DAY_MS)


@pytest.fixture(scope="module")
def a_training(table: Table) -> tuple[Lstm, dict[str, str]]:
    model, files = trained(TRAINING, table)
    assert isinstance(model, Lstm)
    return model, files


@KERAS
def test_keras_and_numpy_answer_the_same(
    a_training: tuple[Lstm, dict[str, str]], table: Table
) -> None:
    model, files = a_training
    weights = weights_of(files[WEIGHTS_FILE])
    network = lstm_keras.network()
    network.get_layer("lstm").set_weights([weights[n] for n in ("kernel", "recurrent", "bias")])
    network.get_layer("hidden").set_weights([weights[n] for n in ("hidden", "hidden_bias")])
    network.get_layer("out").set_weights([weights[n] for n in ("out", "out_bias")])
    rows = table.inputs[::97]
    known, candles = np.split(rows, [KNOWN_WIDTH], axis=1)
    shaped = candles.reshape(-1, CANDLES, len(CHANNELS))
    known_there = (known - weights["mean"]) / weights["spread"]

    theirs = network.predict([shaped.astype("f4"), known_there.astype("f4")], verbose=0)

    ours = [model._network.answer(c, k) for c, k in zip(shaped, known, strict=True)]
    assert np.allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@KERAS
def test_the_same_table_trains_the_same_model_and_what_comes_later_is_not_seen(
    a_training: tuple[Lstm, dict[str, str]], table: Table
) -> None:
    later = replace(table, excess=table.excess.copy())
    later.excess[table.open_ms >= TRAINING.until_ms - 4 * 3_600_000] = 3.0

    model, files = trained(TRAINING, later)

    assert files == a_training[1]
    assert model.metadata == a_training[0].metadata


@KERAS
def test_it_learns_what_changes_the_variance(a_training: tuple[Lstm, dict[str, str]]) -> None:
    assert a_training[0].metadata.holdout["log_variance_skill"] > 0.1
    assert set(a_training[0].metadata.libraries) == {"jax", "keras", "numpy"}


def test_any_features_get_a_finite_answer() -> None:
    chance, model = random.Random(3), an_lstm()
    names = (*NAMES, *TRADE_NAMES, *POINT_NAMES, *RECENT_NAMES)
    for minutes in range(1, 16):
        x = {name: chance.gauss(0, 50) for name in names}
        answer = model.predict_one(x, minutes)
        assert math.isfinite(answer.point)
        assert 0 < answer.scale < 1
    assert model.predict_one({}, 15).scale > 0
