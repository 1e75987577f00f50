"""Trained models take their place at a set time, the same after any restart, or not at all."""

import asyncio
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest

from processors.models.artefact import METADATA
from processors.models.batch import VARIANCE_FILE, load_batch
from processors.predictor.anchor import anchor_of
from processors.predictor.ports import Acknowledgements, Record
from processors.predictor.predictor import Predictor
from processors.predictor.warm_start import Warmed, replayed
from processors.training.batch import Training, known_of, train
from processors.training.dataset import Table, lessons_of
from processors.training.request import FEWEST_DAYS, failure, fault_of, requested, version_of
from processors.versions.installer import Installer
from processors.versions.schedule import (
    ModelChange,
    ModelSchedule,
    change_of,
    effective_after,
    needed_from,
)
from processors.versions.store import ModelStore
from schemas.codecs import decode, encode
from schemas.market import Candle
from schemas.predictions import ModelVersion, Prediction, Score, TrainingRequest
from schemas.timeframe import Interval
from tests.support.candle_builders import MIDNIGHT_MS, trembling_minutes
from tests.support.due_trainings import Looking, StoredHistory, loading

MINUTE_MS, QUARTER_MS, DAY_MS = 60_000, 900_000, 86_400_000
TRAINED_DAYS = 8
START_MS = MIDNIGHT_MS + TRAINED_DAYS * DAY_MS
FORMER_HASH = hashlib.sha256(b"features that no code reads any more").hexdigest()


@pytest.fixture(scope="module")
def market() -> list[Candle]:
    return trembling_minutes(TRAINED_DAYS * 1440 + 300)


@pytest.fixture(scope="module")
def trained(market: list[Candle], tmp_path_factory: pytest.TempPathFactory) -> ModelChange:
    """A model in a folder of its own; the change's folder is relative to `root_of`."""
    root = tmp_path_factory.mktemp("trained")
    table = lessons_of(market[: TRAINED_DAYS * 1440], Interval.ONE_MINUTE).table()
    model, files = train(Training("batch", ("BTCUSDT",), MIDNIGHT_MS, START_MS), table)
    store = ModelStore(root)
    sha256 = store.save(model.metadata, files)
    folder = store.folder("batch", model.version)
    ROOTS[model.version] = root
    return a_change(version=model.version, folder=folder, sha256=sha256)


ROOTS: dict[str, Path] = {}


def a_change(**changes: object) -> ModelChange:
    change = ModelChange(
        effective_ms=START_MS + 4 * QUARTER_MS,
        decided_ms=START_MS,
        rank=0,
        model="batch",
        version="v1",
        event="trained",
        symbols=(),
    )
    return replace(change, **changes)  # type: ignore[arg-type]


def an_event(change: ModelChange) -> ModelVersion:
    details = {
        "effective_ms": change.effective_ms,
        "symbols": list(change.symbols),
        "folder": change.folder,
        "metadata_sha256": change.sha256,
    }
    return ModelVersion(
        change.model,
        change.version,
        "",
        change.event,
        change.decided_ms,
        "",
        orjson.dumps(details).decode(),
    )


class Out:
    def __init__(self) -> None:
        self.records: list[Record] = []

    async def publish(self, records: Iterable[Record]) -> Acknowledgements:
        self.records += records
        return ()

    def answers(self) -> dict[tuple[int, str], Prediction]:
        return {(r.issued_ms, r.model): r for r in self.records if isinstance(r, Prediction)}

    def scores(self) -> dict[tuple[int, str], Score]:
        return {(r.issued_ms, r.model): r for r in self.records if isinstance(r, Score)}

    def failures(self) -> list[ModelVersion]:
        return [r for r in self.records if isinstance(r, ModelVersion) and r.event == "failed"]


class Worker:
    """A predictor over stored candles, from its start to its end."""

    def __init__(self, candles: list[Candle], installer: Installer, out: Out) -> None:
        self._candles, self._installer = candles, installer
        self.predictor = Predictor(self._warm, out, installer)

    async def take(self, candles: list[Candle]) -> None:
        for candle in candles:
            await self.predictor.take(candle)
            await asyncio.gather(*self.predictor._tasks.values())

    async def _warm(
        self, symbol: str, until_ms: int, _bars: int = 0, _scored_ms: int = 0
    ) -> Warmed:
        span = max(anchor_of(until_ms), START_MS - DAY_MS), until_ms
        known = [c for c in self._candles if span[0] <= c.open_ms < until_ms]
        changes = self._installer.changes.of(symbol)
        warmed = replayed(symbol, known, span, until_ms, changes=changes, installer=self._installer)
        return replace(warmed, anchor_ms=anchor_of(until_ms))


def run(candles: list[Candle], pieces: list[list[Candle]], *changes: ModelChange) -> Out:
    """What is published by one worker after the other, each told of the changes before."""
    out = Out()
    for piece in pieces:
        installer = an_installer(*changes)
        asyncio.run(Worker(candles, installer, out).take(piece))
    return out


def an_installer(*changes: ModelChange) -> Installer:
    root = ROOTS.get(changes[0].version, Path("nowhere")) if changes else Path("nowhere")
    return Installer(told(*changes), ModelStore(root).load)


def told(*changes: ModelChange) -> ModelSchedule:
    known = ModelSchedule()
    for change in changes:
        known.add(an_event(change))
    return known


def live(market: list[Candle]) -> list[Candle]:
    return market[TRAINED_DAYS * 1440 :][:150]


def test_a_trained_model_answers_from_the_first_question_of_its_quarter_on(
    market: list[Candle], trained: ModelChange
) -> None:
    out = run(market, [live(market)], trained)

    asked = [ms for ms, model in out.answers() if model == "batch"]
    assert min(asked) == trained.effective_ms
    assert {p.version for (_, m), p in out.answers().items() if m == "batch"} == {trained.version}
    assert any(model == "blend" for _, model in out.answers())


def test_a_restart_at_any_minute_answers_as_running_on_would_have(
    market: list[Candle], trained: ModelChange
) -> None:
    minutes = live(market)
    retired = a_change(
        effective_ms=trained.effective_ms + 3 * QUARTER_MS, rank=2, event="retired", version=""
    )
    crowned = a_change(
        effective_ms=trained.effective_ms + QUARTER_MS, rank=1, event="promoted", model="blend"
    )
    whole = run(market, [minutes], trained, crowned, retired)
    for at in (30, 59, 60, 61, 80, 104, 105, 120):
        parts = run(market, [minutes[:at], minutes[at:]], trained, crowned, retired)

        assert parts.answers() == whole.answers()
        assert parts.scores() == whole.scores()
    models_after = {m for ms, m in whole.answers() if ms >= retired.effective_ms}
    assert models_after == {"reference", "online"}
    champions = {m for (ms, m), p in whole.answers().items() if p.champion}
    assert champions == {"reference", "blend"}


def test_news_that_come_late_lead_to_what_they_would_have_in_time(
    market: list[Candle], trained: ModelChange
) -> None:
    minutes, late = live(market), Out()
    whole = run(market, [minutes], trained)

    async def scenario() -> None:
        installer = Installer(ModelSchedule(), an_installer(trained).load)
        worker = Worker(market, installer, late)
        await worker.take(minutes[:100])
        installer.changes.add(an_event(trained))
        await worker.take(minutes[100:])

    asyncio.run(scenario())

    heard_ms = minutes[100].close_ms
    after = {key: p for key, p in whole.answers().items() if key[0] >= heard_ms}
    assert {key: p for key, p in late.answers().items() if key[0] >= heard_ms} == after
    assert any(model == "batch" for _, model in after)


def spoil_text(folder: Path) -> None:
    path = folder / "variance.txt"
    path.write_text(path.read_text().replace("leaf_value=", "leaf_value=1", 1))


def spoil_metadata(folder: Path) -> None:
    path = folder / METADATA
    path.write_text(path.read_text() + " ")


def lose_all(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def bar_text(folder: Path) -> None:
    path = folder / VARIANCE_FILE
    path.unlink()
    path.mkdir()  # to read it is an OSError that is no FileNotFoundError, as of a bad disk


def bar_metadata(folder: Path) -> None:
    path = folder / METADATA
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("spoil", [spoil_text, spoil_metadata, lose_all, bar_text, bar_metadata])
def test_a_model_that_is_not_what_was_trained_is_told_of_and_gone_on_without(
    market: list[Candle], trained: ModelChange, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    copied = tmp_path / trained.folder
    copied.mkdir(parents=True)
    for path in (ROOTS[trained.version] / trained.folder).iterdir():
        (copied / path.name).write_bytes(path.read_bytes())
    spoil(copied)
    out = Out()
    known = ModelSchedule()
    known.add(an_event(trained))
    installer = Installer(known, ModelStore(tmp_path).load)

    asyncio.run(Worker(market, installer, out).take(live(market)[:90]))

    assert {model for _, model in out.answers()} == {"reference", "online"}
    assert {m for ms, m in out.answers() if ms > trained.effective_ms} == {"reference", "online"}
    failure = out.failures()[0]
    assert (failure.version, failure.symbol) == (trained.version, "BTCUSDT")
    assert "train" in failure.reason


def of_former_inputs(trained: ModelChange, root: Path) -> ModelChange:
    """The same version as it would be if it had been trained on other inputs than today's."""
    found = load_batch(ROOTS[trained.version] / trained.folder)
    text = (ROOTS[trained.version] / trained.folder / VARIANCE_FILE).read_text()
    former = replace(found.metadata, features=FORMER_HASH)
    sha256 = ModelStore(root).save(former, {VARIANCE_FILE: text})
    return replace(trained, sha256=sha256)


def test_a_model_of_inputs_that_nobody_reads_any_more_is_told_of_and_gone_on_without(
    market: list[Candle], trained: ModelChange, tmp_path: Path
) -> None:
    out = Out()
    installer = Installer(told(of_former_inputs(trained, tmp_path)), ModelStore(tmp_path).load)

    asyncio.run(Worker(market, installer, out).take(live(market)[:90]))

    assert {model for _, model in out.answers()} == {"reference", "online"}
    assert "train the model again" in out.failures()[0].reason


def test_a_start_asks_for_a_training_where_no_version_can_answer(
    trained: ModelChange, tmp_path: Path
) -> None:
    wish = requested(START_MS, "first start")
    former = of_former_inputs(trained, tmp_path)
    older = replace(trained, effective_ms=1, version="older")
    load = ModelStore(tmp_path).load

    assert looked(an_installer()) == wish
    assert looked(Installer(told(former), load)) == wish
    assert looked(an_installer(trained)) is None
    assert looked(an_installer(trained, older)) is None  # the newest can, and it is what counts


def looked(installer: Installer) -> TrainingRequest | None:
    return asyncio.run(Looking(installer, StoredHistory(START_MS)).look())


@pytest.mark.parametrize("change", [{"version": "another"}, {"folder": "models/../../elsewhere"}])
def test_a_model_of_another_version_or_from_outside_the_folder_is_refused(
    market: list[Candle], trained: ModelChange, change: dict[str, str]
) -> None:
    out = Out()
    known = ModelSchedule()
    known.add(an_event(replace(trained, **change)))  # type: ignore[arg-type]
    installer = Installer(known, ModelStore(ROOTS[trained.version]).load)

    asyncio.run(Worker(market, installer, out).take(live(market)[:70]))

    assert len(out.failures()) == 1
    assert "batch" not in {model for _, model in out.answers()}


def test_a_model_of_other_symbols_changes_nothing(
    market: list[Candle], trained: ModelChange
) -> None:
    out = run(market, [live(market)[:70]], replace(trained, symbols=("ETHUSDT",)))

    assert {model for _, model in out.answers()} == {"reference", "online"}
    assert not out.failures()


def test_retiring_an_older_version_or_the_reference_changes_nothing(
    market: list[Candle], trained: ModelChange
) -> None:
    later_ms = trained.effective_ms + QUARTER_MS
    older = a_change(effective_ms=later_ms, rank=2, event="retired", version="older")
    bar = a_change(effective_ms=later_ms, rank=2, event="retired", model="reference", version="")
    out = run(market, [live(market)], trained, older, bar)

    last_ms = max(ms for ms, _ in out.answers())
    assert {m for ms, m in out.answers() if ms == last_ms} == {
        "reference",
        "online",
        "batch",
        "blend",
    }


def test_a_change_takes_effect_at_a_quarter_of_an_hour_and_not_at_once() -> None:
    for second in range(0, 3600, 7):
        market_ms = START_MS + second * 1000
        effective_ms = effective_after(market_ms)

        assert effective_ms % QUARTER_MS == 0
        assert MINUTE_MS <= effective_ms - market_ms < QUARTER_MS + 2 * MINUTE_MS


def test_a_replay_leaves_out_what_was_replaced_before_it_begins() -> None:
    old, newer, coming = (
        a_change(effective_ms=ms, version=v) for ms, v in ((1, "a"), (2, "b"), (9, "c"))
    )
    other = a_change(effective_ms=1, model="forest")
    crowned = a_change(effective_ms=3, rank=1, event="promoted")

    changes = [coming, old, newer, other, crowned]

    assert needed_from(changes, 5, anything) == [other, newer, coming]


def anything(_change: ModelChange) -> bool:
    return True


def test_a_version_that_cannot_be_loaded_replaces_none_in_a_replay() -> None:
    oldest, old, newer = (
        a_change(effective_ms=ms, version=v) for ms, v in ((1, "a"), (2, "b"), (3, "c"))
    )
    installer = loading("a", "b")

    assert needed_from([oldest, old, newer], 5, installer.can_load) == [old, newer]
    assert needed_from([oldest, old, newer], 5, loading().can_load) == [newer]  # told of once


def test_of_two_changes_of_one_quarter_the_one_asked_for_last_counts() -> None:
    first, last = a_change(version="f00d"), a_change(version="0a11", decided_ms=START_MS + 1)
    retired = a_change(version="", rank=2, event="retired")
    known = told(last, first, retired)

    assert known.of("BTCUSDT") == (first, retired, last)
    assert known.newest_trained("batch", "BTCUSDT") == last
    assert needed_from([first, last], last.effective_ms, anything) == [last]


def test_a_training_that_is_told_again_is_the_same_change() -> None:
    event = an_event(a_change())
    details = orjson.loads(event.details) | {"request": {"requested_ms": START_MS - 5}}
    event = replace(event, details=orjson.dumps(details).decode())

    again = change_of(replace(event, event_ms=event.event_ms + MINUTE_MS))

    assert again == change_of(event)
    assert again == a_change(decided_ms=START_MS - 5)


@pytest.mark.parametrize(
    ("event", "details"),
    [
        ("drift", '{"effective_ms": 5}'),
        ("promoted", '{"former": "reference", "improvement": 0.1}'),
        ("trained", "no JSON"),
        ("trained", '{"effective_ms": "soon"}'),
        ("trained", "[]"),
        ("failed", "{}"),
    ],
)
def test_an_event_that_sets_no_time_changes_nothing(event: str, details: str) -> None:
    assert change_of(ModelVersion("batch", "v", "", event, 1, "", details)) is None


def a_request(**changes: object) -> TrainingRequest:
    request = TrainingRequest("BTCUSDT", "batch", 0, 30 * DAY_MS, "me", 5)
    return replace(request, **changes)  # type: ignore[arg-type]


def test_the_same_wish_has_the_same_version_whoever_asks() -> None:
    again = a_request(requested_by="you", requested_ms=6)

    assert version_of(a_request()) == version_of(again)
    others = [
        a_request(**{name: value})
        for name, value in (("symbol", ""), ("model", "forest"), ("from_ms", 1), ("until_ms", 9))
    ]
    assert len({version_of(r) for r in [a_request(), *others]}) == 5


def test_another_stock_of_data_leads_to_another_version() -> None:
    stocks = [None, {"BTCUSDT": 5}, {"BTCUSDT": 6}, {"BTCUSDT": 5, "ETHUSDT": 0}]

    assert len({version_of(a_request(), stock) for stock in stocks}) == len(stocks)
    assert version_of(a_request(), {"A": 1, "B": 2}) == version_of(a_request(), {"B": 2, "A": 1})


def test_the_event_of_an_earlier_training_of_a_version_does_not_answer_for_the_new_one(
    trained: ModelChange, tmp_path: Path
) -> None:
    store, found = ModelStore(tmp_path), load_batch(ROOTS[trained.version] / trained.folder)
    text = (ROOTS[trained.version] / trained.folder / VARIANCE_FILE).read_text()
    sha256 = store.save(found.metadata, {VARIANCE_FILE: text})
    event = an_event(replace(trained, sha256=sha256))
    store.finish(event)
    assert store.finished("batch", trained.version) == event

    store.save(replace(found.metadata, rows=1), {VARIANCE_FILE: text})

    assert store.finished("batch", trained.version) is None


def test_a_training_that_failed_names_the_request_it_answers() -> None:
    request = a_request()

    event = failure(request, "no candles", 9)

    assert TrainingRequest(**orjson.loads(event.details)["request"]) == request


@pytest.mark.parametrize(
    "change",
    [
        {"model": "lightning"},
        {"from_ms": 31 * DAY_MS},
        {"from_ms": -1},
        {"until_ms": DAY_MS},
        {"until_ms": 7 * DAY_MS},
        {"until_ms": 5000 * DAY_MS},
    ],
)
def test_a_wish_that_cannot_be_met_is_told_what_to_ask_instead(change: dict[str, object]) -> None:
    fault = fault_of(a_request(**change))

    assert fault is not None
    assert "ask for" in fault or "choose" in fault
    assert fault_of(a_request()) is None


def test_a_range_of_the_far_past_is_not_told_to_end_before_it_begins() -> None:
    assert fault_of(a_request(from_ms=-1)) == (
        "the range begins before 1970: ask for one that begins later"
    )


def test_the_fewest_days_that_may_be_asked_for_are_enough_to_train_on() -> None:
    until_ms = int(FEWEST_DAYS * DAY_MS)
    times = np.arange(14 * QUARTER_MS, until_ms, MINUTE_MS)  # fourteen candles come before any
    nothing = np.zeros(len(times))
    training = Training("batch", ("BTCUSDT",), 0, until_ms)

    known = known_of(training, Table(nothing[:, None], nothing, nothing, times))

    assert known.any()


def test_the_monthly_timer_of_every_worker_wishes_the_same() -> None:
    midnight_ms = START_MS
    wishes = [requested(midnight_ms + s * 1000, "monthly timer") for s in (900, 903, 1700)]

    assert len({version_of(w) for w in wishes}) == 1
    assert wishes[0].until_ms == midnight_ms
    assert fault_of(wishes[0]) is None


def test_what_is_told_twice_has_one_key_and_what_differs_another() -> None:
    event = an_event(a_change())
    assert decode(ModelVersion, encode(event)).key == event.key
    others = [
        replace(event, model="x"),
        replace(event, version="x"),
        replace(event, symbol="x"),
        replace(event, event="x"),
        replace(event, event_ms=6),
    ]
    assert len({e.key for e in [event, *others]}) == 6
