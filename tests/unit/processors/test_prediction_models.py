"""Conventions that every model keeps, and what each model does beside."""

import copy
import math
import pickle
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest

from processors.extra.host import close_hosts, host_of
from processors.extra.model import ExtraModel
from processors.extra.specification import specification
from processors.features.features import NAMES, POINT_NAMES, TRADE_NAMES, VOLATILITY, Features
from processors.models.artefact import UnusableArtefact, save_artefact
from processors.models.batch import Batch, load_batch
from processors.models.blend import Blend, answer_features
from processors.models.online import TRIAL_CANDLES, WARM_UP_CANDLES, Online
from processors.models.point import Evidence
from processors.models.protocol import Answer, Model, Outcome
from processors.models.reference import Reference
from processors.models.scale import log_variance_of, recent_log_variance, scale_of
from processors.models.variance import regression
from processors.training.batch import Training, train
from processors.training.dataset import Table, lessons_of
from schemas.timeframe import Interval
from tests.support.candle_builders import MIDNIGHT_MS, trembling_minutes
from tests.support.network_builders import an_lstm

DAY_MS = 86_400_000
UNTIL_MS = MIDNIGHT_MS + 8 * DAY_MS
TAUGHT = 150


@pytest.fixture(scope="module")
def table() -> Table:
    return lessons_of(trembling_minutes(8 * 1440), Interval.ONE_MINUTE).table()


@pytest.fixture(scope="module")
def trained(table: Table) -> dict[str, tuple[Batch, dict[str, str]]]:
    return {m: train(training(m), table) for m in ("batch", "forest")}


def training(model: str = "batch") -> Training:
    return Training(model, ("BTCUSDT",), MIDNIGHT_MS, UNTIL_MS)


def a_question(chance: random.Random) -> Features:
    x = {name: chance.gauss(0, 1) for name in (*NAMES, *TRADE_NAMES, *POINT_NAMES)} | {"bias": 1.0}
    for member in ("online", "batch"):
        answer = Answer(chance.gauss(0, 1e-4), scale_of(x[VOLATILITY] + chance.gauss(0, 0.3), 15))
        x |= answer_features(member, answer, 15)
    return x


def teach(model: Model, candles: int, *, seed: int = 1, shift: float = 0.0) -> list[str]:
    chance = random.Random(seed)
    notices = []
    for _ in range(candles):
        for minutes in (15, 6):
            x = a_question(chance)
            log_variance = recent_log_variance(x) + 0.5 * x["season"] + shift + chance.gauss(0, 0.4)
            moved = chance.gauss(0, scale_of(log_variance, minutes))
            notice = model.learn_one(x, minutes, Outcome(moved, log_variance, up=moved >= 0))
            notices += [notice.event.value] if notice else []
    return notices


OF_OTHERS = {"mean": "MeanByMinutes", "moved": "MeanByMinutes@return", "leaning": "Leaning"}


@pytest.fixture(params=["reference", "online", "batch", "forest", "lstm", "blend", *OF_OTHERS])
def model(
    request: pytest.FixtureRequest, trained: dict[str, tuple[Batch, dict[str, str]]]
) -> Iterator[Model]:
    makers: dict[str, Callable[[], Model]] = {
        "reference": Reference,
        "online": Online,
        "batch": lambda: trained["batch"][0],
        "forest": lambda: trained["forest"][0],
        "lstm": an_lstm,
        "blend": lambda: Blend(("online", "batch")),
    }
    found = makers[request.param]() if request.param in makers else of_others(request.param)
    assert found.name == request.param
    teach(found, TAUGHT)
    yield found
    close_hosts()


def of_others(name: str) -> Model:
    one = specification(name, f"tests.support.stranger_models:{OF_OTHERS[name]}")
    assert host_of(one).is_ready()
    return ExtraModel(one)


def test_predicting_changes_nothing(model: Model) -> None:
    x = a_question(random.Random(2))
    first = model.predict_one(dict(x), 15)

    for minutes in range(1, 16):
        model.predict_one(a_question(random.Random(minutes)), minutes)

    assert model.predict_one(x, 15) == first


def test_an_answer_is_a_finite_point_and_a_scale_above_zero(model: Model) -> None:
    chance = random.Random(3)
    for minutes in range(1, 16):
        answer = model.predict_one(a_question(chance), minutes)
        assert math.isfinite(answer.point)
        assert 0 < answer.scale < 1


def test_a_missing_feature_is_survived(model: Model) -> None:
    x = a_question(random.Random(4))
    for missing in x:
        partial = {name: value for name, value in x.items() if name != missing}
        answer = model.predict_one(partial, 15)
        assert math.isfinite(answer.point)
        assert 0 < answer.scale < 1
        model.learn_one(partial, 15, Outcome(0.001, 0.2))
    assert model.predict_one({}, 15).scale > 0


def test_the_order_of_keys_changes_nothing(model: Model) -> None:
    x = a_question(random.Random(5))
    shuffled = dict(random.Random(6).sample(sorted(x.items()), len(x)))
    twin = copy.deepcopy(model)

    model.learn_one(x, 15, Outcome(0.001, 0.2))
    twin.learn_one(shuffled, 15, Outcome(0.001, 0.2))

    assert model.predict_one(x, 15) == twin.predict_one(shuffled, 15)


def test_pickling_changes_nothing(model: Model) -> None:
    twin = pickle.loads(pickle.dumps(model))  # noqa: S301 - its own
    teach(model, 20, seed=7)
    teach(twin, 20, seed=7)

    x = a_question(random.Random(8))
    assert twin.predict_one(x, 15) == model.predict_one(x, 15)
    assert (twin.name, twin.version) == (model.name, model.version)


@pytest.mark.parametrize("name", ["batch", "forest", "lstm"])
def test_states_of_many_symbols_share_one_object_of_a_trained_version(
    tmp_path: Path, trained: dict[str, tuple[Batch, dict[str, str]]], name: str
) -> None:
    model = an_lstm() if name == "lstm" else trained[name][0]
    written = pickle.dumps((model, "the state of one symbol"))

    first, second = (pickle.loads(written)[0] for _ in range(2))  # noqa: S301 - its own
    metadata, *texts = model.__reduce__()[1]
    other = type(model)(replace(metadata, version="another"), *texts)
    another = pickle.loads(pickle.dumps(other))  # noqa: S301 - its own

    assert first is second
    assert (first.version, another.version) == (model.version, "another")
    if name != "lstm":
        saved(tmp_path, trained, name)
        assert load_batch(tmp_path) is first


def test_an_outcome_without_variance_is_survived(model: Model) -> None:
    x = a_question(random.Random(9))
    model.learn_one(x, 15, Outcome(0.3, None))

    assert 0 < model.predict_one(x, 15).scale < 1


def test_the_online_model_learns_what_changes_the_variance() -> None:
    model = Online()
    teach(model, 400)

    x = {"bias": 1.0, VOLATILITY: 0.0}
    busy, quiet = (model.predict_one(x | {"season": s}, 15).scale for s in (2.0, -2.0))
    assert busy / quiet == pytest.approx(math.exp(1), rel=0.15)


def test_a_point_without_skill_is_shrunk_to_zero() -> None:
    model = Online()
    teach(model, 400)

    assert model.predict_one(a_question(random.Random(10)), 15).point == 0.0


def test_a_point_with_skill_is_believed() -> None:
    evidence = Evidence()
    chance = random.Random(11)
    for _ in range(3000):
        predicted = chance.gauss(0, 0.3)
        evidence.learn_one(15, predicted, predicted + chance.gauss(0, 1))

    assert evidence.share == pytest.approx(0.85, abs=0.15)


def test_drift_starts_a_challenger_that_takes_over_when_it_is_better() -> None:
    model = Online()
    teach(model, 3000)

    notices = teach(model, WARM_UP_CANDLES + TRIAL_CANDLES + 600, seed=12, shift=2.0)

    assert notices[:2] == ["drift", "promoted"]
    assert model.version == "2"


def test_a_steady_market_is_no_drift() -> None:
    assert teach(Online(), 4000) == []


def test_the_regression_comes_to_least_squares() -> None:
    model = regression()
    chance = random.Random(13)
    rows, targets = [], []
    for _ in range(3000):
        a, b = chance.gauss(0, 1), chance.gauss(0, 1)
        rows.append([1.0, a, b])
        targets.append(3 + 2 * a - b + chance.gauss(0, 0.1))
        model.learn_one({"bias": 1.0, "season": a, "volume_3": b}, targets[-1])

    weights, *_ = np.linalg.lstsq(np.array(rows), np.array(targets), rcond=None)
    asked = {"bias": 1.0, "season": 1.0, "volume_3": 1.0}
    assert model.predict_one(asked) == pytest.approx(weights.sum(), abs=0.03)


@pytest.mark.parametrize("optional", ["sklearn", "sqlalchemy"])
def test_river_comes_without_what_it_imports_if_it_can(optional: str) -> None:
    code = f"import sys, processors.prediction.prequential as _; print('{optional}' in sys.modules)"
    code += f"; import {optional}; print({optional}.__name__)"

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert said.stdout.split() == ["False", optional]


def test_a_blend_lies_between_its_members_and_leans_to_the_better() -> None:
    blend = Blend(("online", "batch"))
    x = {"online.log_variance": 0.0, "batch.log_variance": 1.0}
    for _ in range(50):
        blend.learn_one(x, 15, Outcome(0.0, 0.1))

    assert scale_of(0.0, 15) < blend.predict_one(x, 15).scale < scale_of(0.1, 15)


def test_a_blend_follows_the_member_that_is_clearly_better_and_leaves_none_out() -> None:
    blend, chance = Blend(("online", "batch")), random.Random(15)
    for _ in range(2000):
        moved = chance.gauss(0, 1)
        x = {"online.log_variance": chance.gauss(0, 0.3), "batch.log_variance": 0.0}
        blend.learn_one(x, 15, Outcome(0.0, moved))

    far = {"online.log_variance": 1.0, "batch.log_variance": 0.0}
    leaning = log_variance_of(blend.predict_one(far, 15).scale, 15)
    assert 0 < leaning < 0.05


def test_a_blend_of_equal_members_is_their_mean() -> None:
    blend = Blend(("online", "batch"))
    for moved in (-1.0, 0.5, 2.0):
        x = {"online.log_variance": 0.3, "batch.log_variance": 0.3}
        blend.learn_one(x, 15, Outcome(0.0, moved))

    halved = blend.predict_one({"online.log_variance": 1.0, "batch.log_variance": 0.0}, 15)
    assert log_variance_of(halved.scale, 15) == pytest.approx(0.5)


def test_the_same_table_trains_the_same_model(table: Table) -> None:
    first, second = train(training(), table), train(training(), table)

    assert first[1] == second[1]
    assert first[0].metadata == second[0].metadata


def test_training_does_not_see_what_comes_after_its_range(table: Table) -> None:
    cut = Training("batch", ("BTCUSDT",), MIDNIGHT_MS, UNTIL_MS - DAY_MS // 2)
    known = table.where(table.open_ms < cut.until_ms)

    assert train(cut, table)[1] == train(cut, known)[1]


def test_too_little_to_train_on_is_told(table: Table) -> None:
    with pytest.raises(UnusableArtefact, match="too little to train batch on"):
        train(training(), table.where(table.open_ms < MIDNIGHT_MS + 3 * DAY_MS))


def saved(folder: Path, trained: dict[str, tuple[Batch, dict[str, str]]], name: str) -> Batch:
    model, files = trained[name]
    save_artefact(folder, model.metadata, files)
    return model


@pytest.mark.parametrize("name", ["batch", "forest"])
def test_an_artefact_answers_as_the_model_that_was_saved(
    tmp_path: Path, trained: dict[str, tuple[Batch, dict[str, str]]], name: str
) -> None:
    model = saved(tmp_path, trained, name)

    loaded = load_batch(tmp_path)

    assert loaded.metadata == model.metadata
    chance = random.Random(14)
    for minutes in range(1, 16):
        x = a_question(chance)
        assert loaded.predict_one(x, minutes) == model.predict_one(x, minutes)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "metadata.json").unlink(), "holds no model"),
        (lambda folder: (folder / "variance.txt").unlink(), "missing or damaged"),
        (lambda folder: (folder / "variance.txt").write_text("tree"), "not the file"),
        (lambda folder: (folder / "metadata.json").write_text("{"), "is damaged"),
        (lambda folder: _replace(folder, '"format": 1', '"format": 2'), "another version"),
        (lambda folder: _replace(folder, '"features": "', '"features": "x'), "another version"),
    ],
)
def test_an_artefact_that_is_not_what_was_trained_is_refused(
    tmp_path: Path,
    trained: dict[str, tuple[Batch, dict[str, str]]],
    damage: Callable[[Path], object],
    message: str,
) -> None:
    saved(tmp_path, trained, "batch")
    damage(tmp_path)

    with pytest.raises(UnusableArtefact, match=message):
        load_batch(tmp_path)


def _replace(folder: Path, old: str, new: str) -> None:
    path = folder / "metadata.json"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


@pytest.mark.parametrize("name", ["batch", "forest"])
def test_a_model_that_lightgbm_trained_answers_as_it_did_there(name: str) -> None:
    folder = Path(__file__).parents[2] / "data" / "lightgbm" / name
    model = load_batch(folder)

    for asked in orjson.loads((folder / "answers.json").read_bytes()):
        answer = model.predict_one(asked["x"], asked["minutes"])
        assert (answer.point, answer.scale) == (asked["point"], asked["scale"])
