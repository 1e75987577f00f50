"""A training is asked for where a symbol has no model, and each month, and not twice."""

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace

import orjson
import pytest

from clients.watching.log import event_of
from processors.training import due
from processors.training.request import requested
from processors.versions.installer import Installer
from schemas.errors import Transient
from schemas.predictions import ModelVersion, TrainingRequest
from tests.support.due_trainings import Looking, StoredHistory, loading

MINUTE_MS, DAY_MS = 60_000, 86_400_000


def at(month: int, day: int = 1, minute: int = 0) -> int:
    return int(datetime(2024, month, day, 0, minute, tzinfo=UTC).timestamp()) * 1000


BOTH = {"BTCUSDT": 1.0, "ETHUSDT": 1.0}


def learn(installer: Installer, effective_ms: int, *symbols: str, version: str = "v1") -> None:
    details = {"effective_ms": effective_ms, "symbols": symbols}
    told = orjson.dumps(details).decode()
    installer.changes.add(ModelVersion("batch", version, "", "trained", effective_ms, "", told))


def looks(looking: Looking, times: int = 1) -> list[TrainingRequest]:
    found = [asyncio.run(looking.look()) for _ in range(times)]
    return [request for request in found if request is not None]


def test_a_training_of_one_symbol_is_not_the_first_one_of_the_others() -> None:
    installer = loading("v1")
    learn(installer, at(3, 5), "BTCUSDT")
    history = StoredHistory(at(3, 10), BOTH)

    assert looks(Looking(installer, history)) == [requested(at(3, 10), "first start")]
    learn(installer, at(3, 10), "ETHUSDT")
    assert not looks(Looking(installer, history))


def test_a_training_of_one_symbol_is_not_the_months_one_of_the_others() -> None:
    installer = loading("v1", "v2")
    learn(installer, at(2, 5), "BTCUSDT", "ETHUSDT")
    learn(installer, at(3, 2), "BTCUSDT", version="v2")

    looking = Looking(installer, StoredHistory(at(3, 3), BOTH))

    assert looks(looking, times=3) == [requested(at(3, 3), "monthly timer")]


def test_a_young_symbol_asks_for_no_training_until_it_is_old_enough() -> None:
    installer = loading("v1")
    learn(installer, at(3, 5), "BTCUSDT")
    history = StoredHistory(at(3, 10), young=("NEWUSDT",))

    assert not looks(Looking(installer, history))
    history.shares["NEWUSDT"], history.young = 1.0, ()
    assert looks(Looking(installer, history))


def test_the_months_training_is_found_without_a_search_of_the_store(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    installer = loading("v1")
    learn(installer, at(2, 5), *BOTH)
    begun = Looking(installer, StoredHistory(at(3, 3), BOTH))
    begun._is_begun = True
    monkeypatch.setattr(due, "History", None)
    monkeypatch.setattr(due, "known_symbols", lambda *_, **__: SimpleNamespace(traded=[*BOTH]))

    stored = due.DueTrainings._stored(begun)

    assert stored is not None
    assert begun._due(stored) == requested(at(3, 3), "monthly timer")


def test_a_symbol_that_is_never_warm_keeps_the_months_training_away_for_an_hour_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    installer = loading("v1")
    learn(installer, at(2, 5))
    looking = Looking(installer, StoredHistory(at(3, 3)), is_idle=lambda: False)
    asked, waited_s = asyncio.Queue[TrainingRequest](), [0.0]

    async def sleep(seconds: float) -> None:
        waited_s[0] += seconds
        if not asked.empty():
            raise asyncio.CancelledError

    monkeypatch.setattr(due.asyncio, "sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(looking.run(asked.put))

    assert asked.get_nowait() == requested(at(3, 3), "monthly timer")
    assert 3600 <= waited_s[0] < 3600 + 2 * due.LOOK_S


def test_a_predictor_that_runs_on_asks_each_month_from_the_quarter_past_midnight_on() -> None:
    installer = loading("v1", "v2")
    learn(installer, at(2, 5))
    looking = Looking(installer, StoredHistory(at(2, 29)))

    assert not looks(looking)
    for month in (3, 4):  # the training of March fails, which is no reason to ask at each look
        looking.history.market_ms = at(month, minute=14)
        assert not looks(looking)
        looking.history.market_ms = at(month, minute=15)
        assert looks(looking, times=2) == [requested(at(month, minute=15), "monthly timer")]
    learn(installer, at(4, minute=30), version="v2")
    assert not looks(looking)


def test_the_month_is_seen_at_a_look_and_not_by_a_sleep_of_weeks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    installer, slept = loading("v1"), list[float]()
    learn(installer, at(2, 5))
    looking, asked = Looking(installer, StoredHistory(at(2, 29))), list[str]()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        looking.history.market_ms = at(3, 2)  # a night in which every other clock stood still

    async def ask(request: TrainingRequest) -> None:
        asked.append(request.requested_by)
        raise asyncio.CancelledError

    monkeypatch.setattr(due.asyncio, "sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(looking.run(ask))

    assert asked == ["monthly timer"]
    assert max(slept) <= 600


def test_the_first_training_waits_for_history_that_comes() -> None:
    history = StoredHistory(at(3, 10), {"BTCUSDT": 1.0, "ETHUSDT": 0.2})
    looking = Looking(loading(), history)
    for _ in range(30):
        history.minutes += 1000
        assert not looks(looking)

    history.shares["ETHUSDT"] = 0.99

    assert looks(looking) == [requested(at(3, 10), "first start")]


@pytest.mark.parametrize("share", [0.98, 0.0])
def test_a_hole_in_one_history_keeps_the_first_training_from_the_others_for_an_hour(
    share: float,
) -> None:
    looking = Looking(loading(), StoredHistory(at(3, 10), {"BTCUSDT": 1.0, "ETHUSDT": share}))

    assert not looks(looking, times=12)
    assert looks(looking, times=3) == [requested(at(3, 10), "first start")]


def test_no_training_is_asked_for_that_has_too_little_history() -> None:
    assert not looks(Looking(loading(), StoredHistory(at(3, 10), {"BTCUSDT": 0.5})), times=30)
    assert not looks(Looking(loading(), StoredHistory(at(3, 10), {}, young=("NEWUSDT",))), times=30)


def test_the_months_training_does_not_wait_for_the_history_of_a_new_symbol() -> None:
    installer = loading("v1")
    learn(installer, at(2, 5), "BTCUSDT")
    looking = Looking(installer, StoredHistory(at(3, 2), {"BTCUSDT": 1.0, "NEWUSDT": 0.1}))

    assert looks(looking, times=3) == [requested(at(3, 2), "monthly timer")]


def test_what_keeps_trainings_from_being_asked_for_is_told_once_each_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    looking, told = Looking(loading(), StoredHistory(at(3, 10))), list[int]()
    for trouble in (Transient("no topic"), Transient("no topic"), None, Transient("no store")):
        looking.trouble = trouble
        asyncio.run(looking.look())
        told.append(sum(event_of(r) == "due_trainings_unknown" for r in caplog.records))

    assert told == [1, 1, 1, 2]
