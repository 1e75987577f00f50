"""When the past of a symbol is scored, and how long the replay processes stay."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Self

import pytest

from processors.prediction.prequential import step
from processors.prediction.reply import CANDLE_MS
from processors.prediction.state import start_state
from processors.predictor import history_check, warm_start, warm_start_jobs
from processors.predictor.anchor import anchor_of
from processors.predictor.history_check import NEWEST_MINUTES, Stored
from processors.predictor.score_backfill import score_past_nicely
from processors.predictor.warm_start import Warmed, warm
from processors.predictor.warm_start_jobs import WarmStartJobs
from processors.versions.schedule import ModelSchedule
from schemas.market import Candle
from schemas.predictions import Score
from schemas.settings import BackfillSettings, Settings
from schemas.timeframe import DAY_MS, MINUTE_MS
from tests.support.builders import START_MS
from tests.support.candle_builders import trembling_minutes

WHOLE = Stored(total=10_000, total_share=1.0, recent_share=1.0, newest=NEWEST_MINUTES)
TURNS = 20  # of the event loop, more than the work needs
IN_PART = replace(WHOLE, total=2_000, total_share=0.2)


@dataclass
class Children:
    """Does the work at once, in this process; what it does not do is to replay."""

    whole: bool = True
    scored: list[str] = field(default_factory=list)
    published_ms: list[int] = field(default_factory=list)
    users: int = 0

    @contextmanager
    def needed(self) -> Iterator[None]:
        self.users += 1
        yield
        self.users -= 1

    async def run(self, work: Callable[..., Any], symbol: str, until_ms: int) -> Warmed | int:
        await asyncio.sleep(0)
        if isinstance(work, partial):
            assert work.func is warm
            self.published_ms.append(work.keywords["scored_ms"])
            state = start_state(symbol)
            return Warmed(state, anchor_of(until_ms), self.whole, (), (), ())
        assert work is score_past_nicely
        self.scored.append(symbol)
        return 1

    def start(self) -> None:
        pass


@dataclass
class Stock:
    stored: Stored

    async def look(self, _symbol: str, _until_ms: int) -> Stored:
        return self.stored

    wait = look


@dataclass
class Back(Stock):
    """A store that does not answer at first; what it missed comes with its second answer."""

    answered: bool = False

    async def look(self, symbol: str, until_ms: int) -> Stored:
        found = await super().look(symbol, until_ms) if self.answered else Stored()
        self.answered = True
        return found

    wait = look


@dataclass
class Held:
    """The minutes that are stored, in place of a connection."""

    opens: Sequence[int]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def listed_ms(self, _symbol: str) -> int:
        return 0

    def minutes(self, _symbol: str, *, since_ms: Sequence[int], until_ms: int) -> list[int]:
        return [sum(ms <= at < until_ms for at in self.opens) for ms in since_ms]


async def heard() -> None:
    pass


async def warmed(jobs: WarmStartJobs, bars: int = 0) -> None:
    await jobs.warm("BTCUSDT", START_MS, bars)
    for _ in range(TURNS):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("seen", "known", "scored"),
    [
        (WHOLE, "whole", ["BTCUSDT"]),
        (WHOLE, "in part", ["BTCUSDT"]),  # a young symbol has no candle at the anchor
        (IN_PART, "whole", ["BTCUSDT"]),  # the rest came between the look and the replay
        (IN_PART, "in part", []),
    ],
)
def test_the_past_is_scored_once_it_is_known_and_then_the_processes_end(
    monkeypatch: pytest.MonkeyPatch, seen: Stored, known: str, scored: list[str]
) -> None:
    children = Children(known == "whole")
    monkeypatch.setattr(warm_start_jobs, "Children", lambda *_, **__: children)
    monkeypatch.setattr(warm_start_jobs, "Stock", lambda _: Stock(seen))

    asyncio.run(warmed(WarmStartJobs(Settings(), ModelSchedule(), heard)))

    assert children.scored == scored
    assert children.users == (0 if scored else 1)


def test_what_a_store_missed_while_it_was_away_is_replayed_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bars = [13_000, 13_010]

    class Replaying(Children):
        async def run(self, work: Callable[..., Any], symbol: str, until_ms: int) -> Warmed | int:
            found = await super().run(work, symbol, until_ms)
            if isinstance(found, Warmed):
                found.state.bars = bars.pop(0)
            return found

    monkeypatch.setattr(warm_start_jobs, "Children", lambda *_, **__: Replaying())
    monkeypatch.setattr(warm_start_jobs, "Stock", lambda _: Back(WHOLE))

    jobs = WarmStartJobs(Settings(), ModelSchedule(), heard)
    found = asyncio.run(jobs.warm("BTCUSDT", START_MS))

    assert found is not None
    assert found.state.bars == 13_010


def test_the_past_of_a_symbol_that_is_never_whole_is_scored_once_all_of_it_is_stored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    children, stock = Children(whole=False), Stock(IN_PART)
    monkeypatch.setattr(warm_start_jobs, "Children", lambda *_, **__: children)
    monkeypatch.setattr(warm_start_jobs, "Stock", lambda _: stock)

    async def scenario() -> None:
        jobs = WarmStartJobs(Settings(), ModelSchedule(), heard)
        await warmed(jobs)
        assert children.scored == []
        stock.stored = WHOLE
        assert not await jobs.knows_more("BTCUSDT", START_MS, WHOLE.total)
        await warmed(jobs, bars=WHOLE.total)

    asyncio.run(scenario())

    assert children.scored == ["BTCUSDT"]
    assert children.users == 0


class Kept(Held):
    """What is stored of a symbol: candles, and when the newest one with a score opened."""

    def __init__(self, candles: list[Candle], newest_score_ms: int) -> None:
        super().__init__([])
        self._candles, self._newest_score_ms = candles, newest_score_ms

    def candles(self, _symbol: str, *, from_ms: int, until_ms: int) -> list[Candle]:
        return [c for c in self._candles if from_ms <= c.open_ms < until_ms]

    def newest_score_ms(self, _symbol: str) -> int:
        return self._newest_score_ms


@pytest.mark.parametrize(
    ("live_min", "is_first", "unscored"),
    [(0, True, 8), (3, True, 5), (7, True, 1), (8, True, 0), (20, True, 0), (0, False, 0)],
)
def test_answers_that_nobody_published_are_not_scored_after_a_first_start_inside_a_candle(
    monkeypatch: pytest.MonkeyPatch, *, live_min: int, is_first: bool, unscored: int
) -> None:
    minutes = trembling_minutes(150)  # of 127 the last eight end inside the open candle
    until_ms = minutes[126].close_ms
    official = [replace(m, source="rest", status="official") for m in minutes[: 127 - live_min]]
    stored = [*official, *minutes[127 - live_min : 127]]

    kept = Kept(stored, 0 if is_first else until_ms - 2 * CANDLE_MS)
    monkeypatch.setattr(warm_start, "History", lambda _: kept)
    monkeypatch.setattr(warm_start, "publish_scores", lambda *_: None)

    state = warm(Settings(), "BTCUSDT", until_ms).state
    scores = list[Score]()
    for candle in minutes[127:]:
        taken = step(state, candle)
        state = taken.state
        scores += taken.scores

    asked = range(until_ms - 7 * MINUTE_MS, until_ms + 8 * MINUTE_MS, MINUTE_MS)
    issued = sorted({s.issued_ms for s in scores})
    assert issued[: len(asked) - unscored] == [*asked][unscored:]


def test_no_score_is_published_again_that_the_store_does_not_have_yet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    candles = trembling_minutes(120)
    until_ms, said = candles[-1].close_ms, list[Score]()

    stale = Kept(candles, until_ms - 5 * CANDLE_MS)
    monkeypatch.setattr(warm_start, "History", lambda _: stale)
    monkeypatch.setattr(warm_start, "publish_scores", lambda _, scores: said.extend(scores))
    children = Children()
    monkeypatch.setattr(warm_start_jobs, "Children", lambda *_, **__: children)
    monkeypatch.setattr(warm_start_jobs, "Stock", lambda _: Stock(WHOLE))
    live_ms = until_ms - 2 * CANDLE_MS  # start of the newest candle that was scored live

    jobs = WarmStartJobs(Settings(), ModelSchedule(), heard)
    asyncio.run(jobs.warm("BTCUSDT", until_ms, 0, live_ms))
    warm(Settings(), "BTCUSDT", until_ms)
    without = {s.open_ms for s in said}
    said.clear()
    warm(Settings(), "BTCUSDT", until_ms, scored_ms=live_ms)

    assert children.published_ms == [live_ms]
    assert without == {until_ms - n * CANDLE_MS for n in (4, 3, 2, 1)}
    assert {s.open_ms for s in said} == {until_ms - CANDLE_MS}


@pytest.mark.parametrize("since", ["30d", "7d", "1d"])
def test_a_hole_that_was_filled_is_worth_a_replay_however_few_days_are_fetched(
    monkeypatch: pytest.MonkeyPatch, since: str
) -> None:
    until_ms = anchor_of(START_MS) + 13 * DAY_MS
    whole = range(until_ms - 13 * DAY_MS, until_ms, MINUTE_MS)
    monkeypatch.setattr(history_check, "History", lambda _: Held(whole))
    stock = history_check.Stock(Settings(backfill=BackfillSettings(since=since)))

    stored = asyncio.run(stock.look("BTCUSDT", until_ms))

    assert stored.is_all
    assert stored.adds_to(len(whole) - 120)
    assert not stored.adds_to(len(whole))
