"""The predictor when candles come again, warm starts fail, or Kafka takes no answers."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from processors.prediction.prequential import step
from processors.prediction.scoring import score_of
from processors.prediction.state import start_state
from processors.predictor import endings, warm_symbol
from processors.predictor import predictor as predictor_module
from processors.predictor.anchor import anchor_of
from processors.predictor.ports import Acknowledgements, Record
from processors.predictor.predictor import Predictor
from processors.predictor.warm_start import Warmed
from processors.predictor.warm_symbol import WarmSymbol
from schemas.market import Candle
from schemas.predictions import Prediction, PredictionStatus
from tests.support.builders import MINUTE_MS, START_MS
from tests.unit.processors.test_predictor import DAY_MS, Out, Store, a_market, fed, settled

Key = tuple[str, int, str]
MONDAY_MS = anchor_of(START_MS) + 14 * DAY_MS


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endings, "AGAIN_S", 0.0)


def repaired(candle: Candle) -> Candle:
    return replace(candle, revision=2, close_e8=candle.high_e8)


def test_a_candle_of_last_week_that_is_repaired_after_monday_began_changes_nothing() -> None:
    market = a_market(120, from_ms=MONDAY_MS - 60 * MINUTE_MS)
    asked: list[int] = []

    async def scenario() -> Out:
        out, store = Out(), Store(market)

        async def warm(symbol: str, until_ms: int, bars: int = 0, _scored_ms: int = 0) -> Warmed:
            asked.append(until_ms)
            return await store.warm(symbol, until_ms, bars)

        predictor = Predictor(warm, out)
        for candle in market[40:100]:
            await predictor.take(candle)
            await settled(predictor)
        out.records.clear()
        warmed = len(asked)
        await predictor.take(repaired(market[55]))
        await settled(predictor)
        assert len(asked) == warmed
        return out

    assert asyncio.run(scenario()).records == []


def test_a_candle_without_its_last_minute_does_not_count_as_scored_when_it_is_replayed() -> None:
    market = a_market(120, from_ms=START_MS)
    scored: list[int] = []

    async def scenario() -> None:
        store = Store(market)

        async def warm(symbol: str, until_ms: int, bars: int = 0, scored_ms: int = 0) -> Warmed:
            scored.append(scored_ms)
            return await store.warm(symbol, until_ms, bars)

        predictor = Predictor(warm, Out())
        for candle in (*market[40:74], market[75]):
            await predictor.take(candle)
            await settled(predictor)

    asyncio.run(scenario())

    assert scored == [0, market[45].open_ms]


def test_a_repaired_candle_that_is_the_first_after_a_start_leaves_no_gap_behind_it() -> None:
    market = a_market(300, from_ms=START_MS)
    running, started = Out(), Out()
    asyncio.run(fed(market[250:], Store(market), running))
    asyncio.run(fed([market[200], *market[250:]], Store(market), started))

    newest = {k: p for k, p in started.predictions().items() if k[1] > market[250].open_ms}
    assert newest == running.predictions()
    assert PredictionStatus.GAPPED not in {p.status for p in newest.values()}


def test_candles_that_waited_behind_a_repaired_one_have_no_gap_either() -> None:
    market = a_market(300, from_ms=START_MS)

    async def scenario() -> Out:
        out, store, gate = Out(), Store(market), asyncio.Event()

        async def warm(symbol: str, until_ms: int, bars: int = 0, _scored_ms: int = 0) -> Warmed:
            await gate.wait()
            return await store.warm(symbol, until_ms, bars)

        predictor = Predictor(warm, out)
        for candle in (market[200], *market[250:]):
            await predictor.take(candle)
        gate.set()
        await settled(predictor)
        return out

    running = Out()
    asyncio.run(fed(market[250:], Store(market), running))
    waited = asyncio.run(scenario()).predictions()
    assert {k: p for k, p in waited.items() if k[1] > market[250].open_ms} == running.predictions()


def test_a_symbol_whose_warm_start_fails_is_tried_again_and_no_candle_is_lost() -> None:
    market = a_market(60, from_ms=START_MS)
    fails = [3]

    async def scenario() -> tuple[Out, list[int]]:
        out, store, done = Out(), Store(market), list[int]()

        async def warm(symbol: str, until_ms: int, bars: int = 0, _scored_ms: int = 0) -> Warmed:
            fails[0] -= 1
            if fails[0] >= 0:
                raise RuntimeError("a replay process was ended")
            return await store.warm(symbol, until_ms, bars)

        async def note() -> None:
            done.append(len(done))

        predictor = Predictor(warm, out)
        for candle in market[40:50]:
            await predictor.take(candle, note)
        await settled(predictor)
        return out, done

    out, done = asyncio.run(scenario())
    whole = Out()
    asyncio.run(fed(market[40:50], Store(market), whole))

    assert out.predictions() == whole.predictions()
    assert len(done) == 10


def test_a_candle_that_cannot_be_sent_while_others_wait_is_taken_again() -> None:
    market = a_market(60, from_ms=START_MS)

    class Refusing(Out):
        refusals = 1

        async def publish(self, records: Iterable[Record]) -> Acknowledgements:
            found = [*records]
            if found and self.refusals:
                self.refusals -= 1
                raise RuntimeError("Kafka's queue is full")
            return await super().publish(found)

    async def scenario(out: Out) -> Out:
        predictor = Predictor(Store(market).warm, out)
        for candle in market[40:50]:
            await predictor.take(candle)
        await settled(predictor)
        return out

    found, whole = asyncio.run(scenario(Refusing())), asyncio.run(scenario(Out()))

    assert found.predictions() == whole.predictions()


class Slow(Out):
    """Publishes to a Kafka that acknowledges when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[asyncio.Future[None]] = []

    async def publish(self, records: Iterable[Record]) -> Acknowledgements:
        found = [*records]
        self.records += found
        if not found:
            return ()
        self.sent.append(asyncio.get_running_loop().create_future())
        return self.sent[-1:]


def test_a_candle_is_not_done_before_kafka_has_what_follows_from_it() -> None:
    market = a_market(60, from_ms=START_MS)

    async def scenario() -> list[list[int]]:
        out, done, seen = Slow(), list[int](), list[list[int]]()

        async def first() -> None:
            done.append(1)

        async def second() -> None:
            done.append(2)

        predictor = Predictor(Store(market).warm, out)
        await predictor.take(market[40])
        await settled(predictor)
        await predictor.take(market[41], first)
        await settled(predictor)
        await predictor.take(market[42], second)
        await settled(predictor)
        for i in (None, -1, -2):
            if i is not None:
                out.sent[i].set_result(None)
            for _ in range(5):
                await asyncio.sleep(0)
            seen.append([*done])
        return seen

    assert asyncio.run(scenario()) == [[], [2], [2, 1]]


def test_a_process_whose_predictions_kafka_refuses_ends_and_the_candle_is_not_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    market, reasons = a_market(60, from_ms=START_MS), list[str]()
    monkeypatch.setattr(endings, "leave", reasons.append)

    async def scenario() -> list[int]:
        out, done = Slow(), list[int]()

        async def note() -> None:
            done.append(1)

        predictor = Predictor(Store(market).warm, out)
        await predictor.take(market[40])
        await settled(predictor)
        await predictor.take(market[41], note)
        await settled(predictor)
        out.sent[-1].set_exception(TimeoutError("no leader"))
        for _ in range(5):
            await asyncio.sleep(0)
        return done

    assert asyncio.run(scenario()) == []
    assert len(reasons) == 1
    assert "read again" in reasons[0]


def test_models_of_others_that_join_while_the_store_is_looked_at_stay() -> None:
    market = a_market(60, from_ms=START_MS)
    joined = Store(market)

    async def scenario() -> tuple[object, object]:
        looks, join = asyncio.Event(), asyncio.Event()

        async def warm(
            symbol: str, until_ms: int, bars: int = 0, _scored_ms: int = 0
        ) -> Warmed | None:
            if not bars:
                return await joined.warm(symbol, until_ms)
            await looks.wait()
            return None

        async def extra(symbol: str, until_ms: int) -> Warmed:
            await join.wait()
            return await joined.warm(symbol, until_ms)

        predictor = Predictor(warm, Out(), extra=extra)
        await predictor.take(market[40])
        await settled(predictor)
        await predictor.take(market[41])
        await predictor.take(market[42])
        (_, joining) = predictor._joining["BTCUSDT"]
        join.set()
        await joining
        with_guests = predictor._symbols["BTCUSDT"].state
        looks.set()
        await settled(predictor)
        return with_guests, predictor._symbols["BTCUSDT"].state

    with_guests, at_last = asyncio.run(scenario())
    assert at_last is with_guests


def test_minutes_that_reach_the_store_later_are_taken_from_there() -> None:
    market = a_market(300, from_ms=anchor_of(START_MS))
    store = Store([c for i, c in enumerate(market) if not 200 <= i < 250])

    async def scenario() -> Out:
        out = Out()
        predictor = await fed([market[199], market[250]], store, out)
        store.candles = market
        for candle in market[251:]:
            await predictor.take(candle)
            await settled(predictor)
        return out

    running = Out()
    asyncio.run(fed(market[199:], Store(market), running))
    found = asyncio.run(scenario()).predictions()
    last_ms = market[-1].close_ms
    assert {k: p for k, p in found.items() if k[1] == last_ms} == {
        k: p for k, p in running.predictions().items() if k[1] == last_ms
    }


class Hanging(Store):
    """A store that answers a start, and then not until the gate is opened."""

    def __init__(self, candles: list[Candle]) -> None:
        super().__init__(candles)
        self.gate = asyncio.Event()
        self.starts = 0

    async def warm(self, symbol: str, until_ms: int, bars: int = 0, scored_ms: int = 0) -> Warmed:
        self.starts += 1
        assert bool(scored_ms) is (self.starts > 1), "what is live has published its scores"
        if self.starts > 1:
            await self.gate.wait()
        return await super().warm(symbol, until_ms, bars)


async def lived(live: list[Candle], store: Hanging, *, open_after: int) -> Out:
    out = Out()
    predictor = Predictor(store.warm, out)
    for i, candle in enumerate(live):
        await predictor.take(candle)
        await settled(predictor)
        if i == open_after:
            store.gate.set()
            await asyncio.gather(*predictor._replays.values())
    return out


def newer(found: dict[Key, Prediction], issued_ms: int) -> dict[Key, Prediction]:
    return {key: p for key, p in found.items() if p.issued_ms > issued_ms}


def test_predictions_go_on_over_monday_without_the_store_and_then_as_after_a_restart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(predictor_module, "PATIENCE_S", 0.0)
    # Only last week's state knows the first hours.
    earlier = a_market(300, from_ms=MONDAY_MS - 8 * DAY_MS)
    market = earlier + a_market(200, from_ms=MONDAY_MS - 100 * MINUTE_MS, seed=2)
    live, back = market[-140:], market[-80]  # it is back after 20 minutes of Monday

    found = asyncio.run(lived(live, Hanging(market), open_after=60))

    restarted = Out()
    asyncio.run(fed(market[-79:], Store(market), restarted))
    state = start_state("BTCUSDT")
    of_last_week = {
        (p.symbol, p.issued_ms, p.model): p for c in market for p in step(state, c).predictions
    }
    published = found.predictions()
    until = newer(published, live[0].open_ms).keys() - newer(published, back.close_ms).keys()
    assert {ms for _, ms, _ in published} == {c.close_ms for c in live}
    assert {key: published[key] for key in until} == {key: of_last_week[key] for key in until}
    assert newer(published, back.close_ms) == newer(restarted.predictions(), back.close_ms)
    assert newer(published, back.close_ms) != newer(of_last_week, back.close_ms)
    for key, score in found.scores().items():
        if key in published:
            assert score == score_of(published[key], score.outcome_e8, score.open_e8)


@pytest.mark.parametrize("meanwhile", [0, 3])
def test_a_replayed_state_takes_many_candles_in_pieces_and_others_go_on_in_between(
    monkeypatch: pytest.MonkeyPatch, meanwhile: int
) -> None:
    monkeypatch.setattr(predictor_module, "PATIENCE_S", 0.0)
    monkeypatch.setattr(warm_symbol, "PIECE", 20)
    *market, newest = a_market(301, from_ms=MONDAY_MS - 100 * MINUTE_MS)
    at_once, longest = 0, 0
    take = WarmSymbol.take

    def counted(self: WarmSymbol, candle: Candle) -> Any:
        nonlocal at_once, longest
        at_once += 1
        longest = max(longest, at_once)
        return take(self, candle)

    async def scenario() -> Out:
        nonlocal at_once
        out, store = Out(), Hanging(market)
        predictor = Predictor(store.warm, out)
        for candle in market[90 : len(market) - meanwhile]:
            await predictor.take(candle)
            await settled(predictor)
        monkeypatch.setattr(WarmSymbol, "take", counted)
        store.gate.set()
        late, replays = market[len(market) - meanwhile :], [*predictor._replays.values()]
        while not all(replay.done() for replay in replays):
            at_once = 0
            if late and longest:  # while it catches up
                await predictor.take(late.pop(0))
            await asyncio.sleep(0)
        monkeypatch.setattr(WarmSymbol, "take", take)
        assert not late
        assert predictor._symbols["BTCUSDT"].anchor_ms == anchor_of(market[-1].open_ms)
        await predictor.take(newest)
        return out

    found = asyncio.run(scenario())

    restarted = Out()
    asyncio.run(fed([newest], Store(market), restarted))
    assert 0 < longest <= 20 + 1  # its own, and one that came
    assert newer(found.predictions(), newest.open_ms) == restarted.predictions()


def test_a_symbol_goes_on_behind_minutes_that_a_store_which_is_away_may_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(predictor_module, "PATIENCE_S", 0.0)
    market = a_market(300, from_ms=anchor_of(START_MS))
    live = [*market[200:220], *market[225:]]

    found = asyncio.run(lived(live, Hanging(market), open_after=60)).predictions()

    running = Out()
    asyncio.run(fed(market[200:], Store(market), running))
    back_ms = live[60].close_ms
    assert {ms for _, ms, _ in found} == {c.close_ms for c in live}
    assert newer(found, back_ms) == newer(running.predictions(), back_ms)
