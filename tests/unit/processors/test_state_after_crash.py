"""What a predictor knows after crashes is what it would have known without them, bit for bit."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache

from hypothesis import example, given, settings
from hypothesis import strategies as st

from processors.prediction.prequential import step
from processors.prediction.state import SymbolState, start_state
from processors.predictor.anchor import anchor_of
from processors.predictor.ports import Acknowledgements, Record
from processors.predictor.predictor import Predictor
from processors.predictor.warm_start import Warmed, replayed
from tests.support.candle_builders import trembling_minutes
from tests.support.state_picture import picture_of

LENGTH = 300
MARKET = trembling_minutes(LENGTH)
CRASHES = st.lists(st.tuples(st.integers(1, LENGTH - 1), st.integers(0, 60)), max_size=3)


class Nowhere:
    """Takes what is published, and forgets it."""

    async def publish(self, records: Iterable[Record]) -> Acknowledgements:
        list(records)
        return ()


async def warm(symbol: str, until_ms: int, _bars: int = 0, _scored_ms: int = 0) -> Warmed:
    known = [c for c in MARKET if c.open_ms < until_ms]
    warmed = replayed(symbol, known, (anchor_of(until_ms), until_ms), until_ms)
    return replace(warmed, whole=True)  # nothing is missing that will come


async def lived(crashes: Sequence[tuple[int, int]]) -> SymbolState:
    """Return the state at the end, after processes that were killed.

    Args:
        crashes: Of each, the candle before which it came, and how many candles before that one are
            delivered again, since Kafka did not hear that they were done.
    """
    first = 0
    for end, again in [*sorted(crashes), (LENGTH, 0)]:
        predictor = Predictor(warm, Nowhere())
        for candle in MARKET[first:end]:
            await predictor.take(candle)
            await asyncio.gather(*predictor._tasks.values())
        first = max(0, end - again)
    return predictor._symbols["BTCUSDT"].state


def picture(state: SymbolState) -> str:
    for asked in state.asked:
        assert all(reply.prediction for reply in asked.replies.values())  # made when first read
    return picture_of(state)


@cache
def picture_without_a_crash() -> str:
    state = start_state("BTCUSDT")
    for candle in MARKET:
        state = step(state, candle).state
    return picture(state)


@settings(max_examples=8, deadline=None)
@given(CRASHES)
@example([])
@example([(59, 0), (61, 1)])  # where the price step is first believed
@example([(LENGTH - 1, 60)])
def test_crashes_at_any_candle_leave_the_same_state(crashes: list[tuple[int, int]]) -> None:
    assert picture(asyncio.run(lived(crashes))) == picture_without_a_crash()


def test_the_picture_of_a_state_shows_the_least_difference() -> None:
    last = MARKET[-1]
    state = start_state("BTCUSDT")
    for candle in [*MARKET[:-1], replace(last, volume_e8=last.volume_e8 + 1)]:
        state = step(state, candle).state

    assert picture(state) != picture_without_a_crash()
