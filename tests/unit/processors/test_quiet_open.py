"""A candle opens with its first trade, also where its first minutes are quiet."""

import random
from collections.abc import Iterator
from dataclasses import replace

from processors.prediction.issue import refresh
from processors.prediction.prequential import step
from processors.prediction.state import SymbolState, start_state
from schemas.market import Candle
from schemas.predictions import Prediction, Score
from tests.support.builders import MINUTE_MS, START_MS, a_candle

CANDLE_MS = 15 * MINUTE_MS
E8 = 10**8


def thin_market(quarters: int) -> list[Candle]:
    """Minutes of a pair that trades in some of them; prices jump where it does."""
    chance, price, minutes = random.Random(3), 1000, []
    for n in range(15 * quarters):
        opened, closed = price, price
        is_quiet = n > 15 and chance.random() < 0.6
        if not is_quiet:
            opened, closed = price + chance.randint(-9, 9), price + chance.randint(-9, 9)
        price = closed
        minutes.append(a_minute(n, opened, closed, is_quiet=is_quiet))
    return minutes


def a_minute(n: int, opened: int, closed: int, *, is_quiet: bool) -> Candle:
    return replace(
        a_candle(open_ms=START_MS + n * MINUTE_MS),
        open_e8=opened * E8,
        close_e8=closed * E8,
        high_e8=max(opened, closed) * E8,
        low_e8=min(opened, closed) * E8,
        volume_e8=0 if is_quiet else 5 * E8,
        trade_count=0 if is_quiet else 4,
        status="quiet" if is_quiet else "complete",
    )


def quarters_of(minutes: list[Candle]) -> Iterator[tuple[int, list[Candle]]]:
    for start in range(0, len(minutes), 15):
        yield minutes[start].open_ms, minutes[start : start + 15]


def published(minutes: list[Candle]) -> tuple[list[Prediction], list[Score], SymbolState]:
    state, predictions, scores = start_state("BTCUSDT"), list[Prediction](), list[Score]()
    for minute in minutes:
        taken = step(state, minute)
        state = taken.state
        predictions += taken.predictions
        scores += taken.scores
    return predictions, scores, state


def test_scores_know_the_open_of_the_first_trade() -> None:
    minutes = thin_market(40)
    assert START_MS % CANDLE_MS == 0
    opens = {
        open_ms: next((m.open_e8 for m in found if m.trade_count), found[0].open_e8)
        for open_ms, found in quarters_of(minutes)
    }
    _, scores, _ = published(minutes)

    assert {s.open_e8 for s in scores if s.open_ms in opens} <= set(opens.values())
    assert all(s.open_e8 == opens[s.open_ms] for s in scores)
    assert all(s.up == (s.outcome_e8 >= opens[s.open_ms]) for s in scores)
    late = [open_ms for open_ms, found in quarters_of(minutes) if not found[0].trade_count]
    assert {s.open_ms for s in scores} & set(late)


def test_until_something_is_traded_the_open_is_not_told_and_the_chance_is_of_the_last_price() -> (
    None
):
    minutes = thin_market(40)
    traded: set[tuple[int, int]] = set()
    for open_ms, found in quarters_of(minutes):
        for i in range(1, 15):
            if any(m.trade_count for m in found[:i]):
                traded.add((open_ms, found[i].open_ms))
    predictions, _, _ = published(minutes)

    assert {(p.open_ms, p.issued_ms) for p in predictions if p.open_e8} <= traded
    assert {(p.open_ms, p.issued_ms) for p in predictions} & traded
    assert all(p.chance_up is not None for p in predictions)


def test_the_open_candle_tells_its_open_before_the_first_traded_minute_has_closed() -> None:
    minutes = thin_market(3)
    price = minutes[-1].close_e8 // E8
    quiet = a_minute(45, price, price, is_quiet=True)
    _, _, state = published([*minutes, quiet])
    told = refresh(
        state,
        last_price_e8=quiet.close_e8 + 5 * E8,
        issued_ms=quiet.close_ms + 10_000,
        open_e8=quiet.close_e8 + 4 * E8,
    )

    assert {p.open_e8 for p in told} == {quiet.close_e8 + 4 * E8}
