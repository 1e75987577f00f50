"""The predictor over its history: warm, the same after any restart, quiet while it cannot know."""

import asyncio
import random
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from itertools import chain
from types import SimpleNamespace

import pytest

from processors.prediction.prequential import step
from processors.prediction.reply import CANDLE_MS
from processors.prediction.scoring import score_of
from processors.prediction.state import start_state
from processors.predictor.agents import Inbox
from processors.predictor.anchor import anchor_of, is_whole
from processors.predictor.history_check import Stored
from processors.predictor.ports import Acknowledgements, Record
from processors.predictor.predictor import Predictor
from processors.predictor.score_backfill import replayed_scores
from processors.predictor.warm_start import Warmed, replayed
from processors.versions.installer import Installer
from schemas import topics
from schemas.codecs import message_of
from schemas.market import Candle
from schemas.predictions import Prediction, Score
from schemas.replayed import REPLAYED
from tests.support.builders import MINUTE_MS, START_MS, a_candle

DAY_MS = 86_400_000


def a_market(minutes: int, *, from_ms: int, seed: int = 1) -> list[Candle]:
    rng, price, candles = random.Random(seed), 100_000, []
    for i in range(minutes):
        moves = [rng.randint(-30, 30) for _ in range(3)]
        opened, price = price, max(1_000, price + sum(moves))
        candles.append(
            replace(
                a_candle(open_ms=from_ms + i * MINUTE_MS),
                open_e8=opened * 10**6,
                close_e8=price * 10**6,
                high_e8=(max(opened, price) + 5) * 10**6,
                low_e8=(min(opened, price) - 5) * 10**6,
                volume_e8=rng.randint(1, 10**10),
                event_ms=from_ms + (i + 1) * MINUTE_MS - 1,
            )
        )
    return candles


class Out:
    """Keeps what is published."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    async def publish(self, records: Iterable[Record]) -> Acknowledgements:
        self.records += records
        return ()

    def predictions(self) -> dict[tuple[str, int, str], Prediction]:
        found = [r for r in self.records if isinstance(r, Prediction)]
        return {(p.symbol, p.issued_ms, p.model): p for p in found}

    def scores(self) -> dict[tuple[str, int, str], Score]:
        found = [r for r in self.records if isinstance(r, Score)]
        return {(s.symbol, s.issued_ms, s.model): s for s in found}


class Store:
    """Stored candles, and the warm start over them."""

    def __init__(self, candles: list[Candle]) -> None:
        self.candles = candles

    async def warm(self, symbol: str, until_ms: int, _bars: int = 0, _scored_ms: int = 0) -> Warmed:
        anchor_ms = anchor_of(until_ms)
        known = [c for c in self.candles if anchor_ms <= c.open_ms < until_ms]
        return replayed(symbol, known, (anchor_ms, until_ms), until_ms)

    async def look(self, _symbol: str, until_ms: int, bars: int) -> bool:
        anchor_ms = anchor_of(until_ms)
        return sum(anchor_ms <= c.open_ms < until_ms for c in self.candles) > bars


async def fed(candles: list[Candle], store: Store, out: Out) -> Predictor:
    predictor = Predictor(store.warm, out, look=store.look)
    for candle in candles:
        await predictor.take(candle)
        await settled(predictor)
    return predictor


async def settled(predictor: Predictor) -> None:
    await asyncio.gather(*predictor._tasks.values())
    await asyncio.sleep(0)  # what it looks for beside that


def test_anchors_are_mondays_one_to_two_weeks_back() -> None:
    for day in range(40):
        anchor_ms = anchor_of(START_MS + day * DAY_MS)
        back_days = (START_MS + day * DAY_MS - anchor_ms) / DAY_MS

        assert (anchor_ms // DAY_MS + 3) % 7 == 0
        assert 7 <= back_days < 14


def test_a_restart_at_any_minute_predicts_and_scores_what_running_on_would_have() -> None:
    market = a_market(200, from_ms=START_MS)
    store = Store(market)
    whole, restarted = Out(), Out()
    asyncio.run(fed(market[100:], store, whole))
    for start, end in ((100, 117), (117, 118), (118, 163), (163, 200)):
        asyncio.run(fed(market[start:end], store, restarted))

    assert restarted.predictions() == whole.predictions()
    assert restarted.scores() == whole.scores()
    assert len(whole.scores()) > 100


def test_a_redelivered_candle_changes_nothing() -> None:
    market = a_market(60, from_ms=START_MS)
    once, twice = Out(), Out()
    asyncio.run(fed(market[30:], Store(market), once))
    asyncio.run(fed([c for c in market[30:] for _ in range(2)], Store(market), twice))

    assert once.records == twice.records


def test_candles_wait_while_their_symbol_warms_and_others_go_on() -> None:
    async def scenario() -> tuple[int, int]:
        market = a_market(60, from_ms=START_MS)
        other = [replace(c, symbol="ETHUSDT") for c in market]
        store, out, gate = Store(market), Out(), asyncio.Event()

        async def warm(symbol: str, until_ms: int, _bars: int = 0, _scored_ms: int = 0) -> Warmed:
            if symbol == "BTCUSDT":
                await gate.wait()
            return await Store(market if symbol == "BTCUSDT" else other).warm(symbol, until_ms)

        predictor = Predictor(warm, out)
        for first, second in zip(market[40:50], other[40:50], strict=True):
            await predictor.take(first)
            await predictor.take(second)
            await asyncio.sleep(0)
        before = {symbol for symbol, _, _ in out.predictions()}
        gate.set()
        await settled(predictor)
        issued = {ms for symbol, ms, _ in out.predictions() if symbol == "BTCUSDT"}
        assert store.candles
        return len(before), len(issued)

    symbols_before, minutes_after = asyncio.run(scenario())

    assert (symbols_before, minutes_after) == (1, 10)


def test_a_symbol_without_history_says_nothing_until_it_has_some_and_is_cold_then() -> None:
    market = a_market(40, from_ms=START_MS)
    out = Out()
    asyncio.run(fed(market, Store([]), out))

    first = min(ms for _, ms, _ in out.predictions())
    assert first == START_MS + 15 * MINUTE_MS
    assert {p.status for p in out.predictions().values()} == {"cold"}


def test_the_open_candle_is_asked_about_again_every_five_seconds_for_display() -> None:
    async def scenario() -> list[Prediction]:
        market = a_market(50, from_ms=START_MS)
        out = Out()
        predictor = await fed(market[:46], Store(market), out)
        out.records.clear()
        for second in range(1, 21):
            at_ms = market[46].open_ms + second * 1000
            live = replace(market[46], interval="15m", event_ms=at_ms, status="open")
            await predictor.show(live)
        return [r for r in out.records if isinstance(r, Prediction)]

    shown = asyncio.run(scenario())

    assert len({p.issued_ms for p in shown}) == 4
    assert not any(p.scored for p in shown)


def shown_in_a_minute(known: list[Candle], now: Candle) -> list[Prediction]:
    """Return what is shown in a minute whose open candles come as the worker sends them."""

    async def scenario() -> list[Prediction]:
        out = Out()
        predictor = await fed(known, Store(known), out)
        out.records.clear()
        for second in range(60):
            at_ms = now.open_ms + second * 1000
            minute = replace(now, event_ms=at_ms, status="open")
            await predictor.show(minute)
            await predictor.show(replace(minute, interval="15m"))
        return [r for r in out.records if isinstance(r, Prediction) and r.model == "online"]

    return asyncio.run(scenario())


def test_while_the_first_minute_of_a_candle_passes_its_chance_and_open_are_shown() -> None:
    market = a_market(61, from_ms=START_MS)

    shown = shown_in_a_minute(market[:60], market[60])

    assert len(shown) == 12
    assert {p.open_e8 for p in shown} == {market[60].open_e8}
    assert None not in {p.chance_up for p in shown}


def test_no_chance_is_shown_in_a_candle_whose_first_minute_is_missing() -> None:
    market = a_market(63, from_ms=START_MS)

    shown = shown_in_a_minute([*market[:60], market[61]], market[62])

    assert len(shown) == 12
    assert {(p.open_e8, p.chance_up) for p in shown} == {(None, None)}


def test_history_with_a_hole_or_a_late_start_is_not_whole() -> None:
    market = a_market(10, from_ms=START_MS)
    end_ms = market[-1].close_ms

    assert is_whole(market, from_ms=START_MS, until_ms=end_ms)
    assert not is_whole(market[1:], from_ms=START_MS, until_ms=end_ms)
    assert not is_whole(market[:4] + market[5:], from_ms=START_MS, until_ms=end_ms)
    assert not is_whole(market, from_ms=START_MS, until_ms=end_ms + 1)
    assert not is_whole([], from_ms=START_MS, until_ms=end_ms)


def test_a_state_of_the_last_days_gives_way_to_one_of_the_whole_past() -> None:
    market = a_market(3 * 1440, from_ms=anchor_of(START_MS))
    live = len(market) - 120
    recent = Store(market[live - 1440 :])
    warmed_with, looked_with = list[int](), list[int]()

    async def warm(symbol: str, until_ms: int, bars: int = 0, _scored_ms: int = 0) -> Warmed:
        warmed_with.append(bars)
        known = recent if len(warmed_with) == 1 else Store(market)
        span = market[0].open_ms, until_ms
        warmed = replayed(
            symbol, [c for c in known.candles if c.open_ms < until_ms], span, until_ms
        )
        return replace(warmed, anchor_ms=anchor_of(until_ms))

    async def look(_symbol: str, _until_ms: int, bars: int) -> bool:
        looked_with.append(bars)
        return len(looked_with) == 2  # no more is stored than before, and then all

    async def scenario() -> Out:
        out = Out()
        predictor = Predictor(warm, out, look=look)
        for candle in market[live : live + 30]:
            await predictor.take(candle)
            await settled(predictor)
        return out

    out = asyncio.run(scenario())
    whole = start_state("BTCUSDT")
    truth = [p for c in market[: live + 30] for p in step(whole, c).predictions]

    assert (warmed_with, looked_with) == ([0, 1443], [1442, 1443])
    found = out.predictions()
    late = [p for p in truth if p.issued_ms >= market[live + 3].close_ms]
    assert late == [found[p.symbol, p.issued_ms, p.model] for p in late]
    assert found[late[0].symbol, market[live].close_ms, "online"] not in truth


def test_scores_are_of_the_answers_that_were_published_also_when_a_state_is_replaced() -> None:
    market = a_market(3 * 1440, from_ms=anchor_of(START_MS))
    first = len(market) - 120

    async def warm(symbol: str, until_ms: int, bars: int = 0, scored_ms: int = 0) -> Warmed:
        assert scored_ms == (until_ms - until_ms % CANDLE_MS - CANDLE_MS if bars else 0)
        known = [c for c in market if c.open_ms < until_ms]
        recent = known if bars else known[-1440:]
        span_ms = anchor_of(until_ms), until_ms
        return replace(replayed(symbol, recent, span_ms, until_ms), whole=bool(bars))

    async def look(_symbol: str, until_ms: int, _bars: int) -> bool:
        return until_ms >= market[first + 20].open_ms  # inside a candle

    async def scenario() -> Out:
        out = Out()
        predictor = Predictor(warm, out, look=look)
        for candle in market[first : first + 61]:
            await predictor.take(candle)
            await settled(predictor)
        return out

    out = asyncio.run(scenario())
    whole = start_state("BTCUSDT")
    truth = [s for c in market[: first + 61] for s in step(whole, c).scores]

    published, scores = out.predictions(), out.scores()
    asked_ms = range(market[first].close_ms, market[first + 60].open_ms, MINUTE_MS)
    assert {ms for _, ms, _ in scores} >= {*asked_ms}
    for key, score in scores.items():
        if key in published:  # the first question was answered before the first start
            assert score == score_of(published[key], score.outcome_e8, score.open_e8)
    # What the state learned is what a replay learns.
    newest_ms = market[first + 60].open_ms - 15 * MINUTE_MS
    newest = [s for s in truth if s.issued_ms >= newest_ms]
    assert newest == [scores[s.symbol, s.issued_ms, s.model] for s in newest]


def test_a_past_that_is_not_whole_is_looked_for_each_minute_and_later_each_quarter() -> None:
    market = a_market(1440 + 120, from_ms=START_MS)
    store, looked = Store(market), list[int]()

    async def warm(symbol: str, until_ms: int, bars: int = 0, _scored_ms: int = 0) -> Warmed:
        assert not bars, "the store has no more"
        return await store.warm(symbol, until_ms)

    async def look(_symbol: str, until_ms: int, _bars: int) -> bool:
        looked.append((until_ms - market[1440].close_ms) // MINUTE_MS)
        return False

    async def scenario() -> None:
        predictor = Predictor(warm, Out(), look=look)
        for candle in market[1440:]:
            await predictor.take(candle)
            await settled(predictor)

    asyncio.run(scenario())

    assert looked == [*range(1, 30), *range(44, 120, 15)]


def test_a_store_that_hangs_while_more_history_is_looked_for_delays_no_prediction() -> None:
    names = [f"S{number}USDT" for number in range(20)]
    market = a_market(1440 + 50, from_ms=START_MS)
    looks: list[str] = []

    async def look(symbol: str, _until_ms: int, _bars: int) -> bool:
        looks.append(symbol)
        return await asyncio.Future()

    async def warm(symbol: str, until_ms: int, _bars: int = 0, _scored_ms: int = 0) -> Warmed:
        known = [replace(c, symbol=symbol) for c in market if c.open_ms < until_ms]
        warmed = replayed(symbol, known[-60:], (anchor_of(until_ms), until_ms), until_ms)
        return replace(warmed, whole=False)

    async def scenario() -> tuple[int, int]:
        out = Out()
        predictor = Predictor(warm, out, look=look)
        for candle in market[1440:]:
            for name in names:
                await predictor.take(replace(candle, symbol=name))
            if not candle.open_ms % (15 * MINUTE_MS) or candle is market[1440]:
                await settled(predictor)
        predicted = {p.symbol for p in out.predictions().values() if p.issued_ms == candle.close_ms}
        waiting = predictor.waiting
        predictor.forget()
        return len(predicted), waiting

    assert asyncio.run(scenario()) == (len(names), 0)
    assert looks == names[:1]


@pytest.mark.parametrize(
    ("stored", "bars", "adds"),
    [
        (Stored(3000, 0.2, 1.0, 15), 0, True),
        (Stored(3000, 0.2, 1.0, 15), 3000, False),
        (Stored(3000, 0.2, 1.0, 15), 40, True),
        (Stored(9000, 0.6, 1.0, 15), 5000, False),
        (Stored(14990, 0.999, 1.0, 15), 9000, True),
        (Stored(14990, 0.999, 1.0, 15), 14990, False),
        (Stored(900, 0.1, 0.3, 15), 20, False),
    ],
)
def test_a_replay_is_worth_while_when_the_store_knows_much_more(
    stored: Stored, bars: int, *, adds: bool
) -> None:
    assert stored.adds_to(bars) is adds


def test_a_candle_is_done_when_its_predictions_are_published_and_not_while_it_waits() -> None:
    async def scenario() -> tuple[list[int], list[int]]:
        market, done = a_market(60, from_ms=START_MS), list[int]()
        store, gate = Store(market), asyncio.Event()

        async def warm(symbol: str, until_ms: int, _bars: int = 0, _scored_ms: int = 0) -> Warmed:
            await gate.wait()
            return await store.warm(symbol, until_ms)

        async def note(open_ms: int) -> None:
            done.append(open_ms)

        predictor = Predictor(warm, Out())
        for candle in market[40:45]:
            await predictor.take(candle, partial(note, candle.open_ms))
        before = list(done)
        gate.set()
        await settled(predictor)
        return before, [open_ms - market[40].open_ms for open_ms in done]

    assert asyncio.run(scenario()) == ([], [i * MINUTE_MS for i in range(5)])


def test_the_past_is_scored_as_a_replay_scores_it_in_pieces_of_any_length() -> None:
    market = a_market(300, from_ms=START_MS)
    span = START_MS, market[-1].close_ms
    whole = replayed("BTCUSDT", market, span, 0)
    for length in (1, 37, 300):
        pieces = (market[i : i + length] for i in range(0, 300, length))
        state = start_state("BTCUSDT")
        found = chain.from_iterable(replayed_scores(state, pieces, [], Installer()))

        assert tuple(found) == whole.scores


def test_nothing_is_predicted_from_a_candle_of_the_past_that_a_replay_made() -> None:
    message = message_of(a_candle())
    inbox = Inbox(SimpleNamespace())  # type: ignore[arg-type]

    def arrived(offset: int, *headers: tuple[str, bytes]) -> Candle | None:
        told = SimpleNamespace(
            key=message.key, value=message.value, headers=dict([*message.headers, *headers])
        )
        told.topic, told.partition, told.offset = topics.CANDLES.name, 0, offset
        return asyncio.run(inbox.candle_in(told))

    assert arrived(0) == a_candle()
    assert arrived(1, REPLAYED) is None
    assert list(inbox.taken.values()) == [1]  # it counts as read
