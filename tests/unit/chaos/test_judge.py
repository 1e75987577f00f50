"""The judge sees each thing that may be wrong, and nothing where all is well."""

from dataclasses import replace
from decimal import Decimal

import pytest

from schemas.timeframe import MINUTE_MS
from tests.chaos.held import (
    GAPPED,
    QUARTER_MS,
    QUIET,
    Asked,
    Held,
    Key,
    Own,
    Question,
    Run,
    Values,
)
from tests.chaos.judge import differences

START_MS = 1_740_830_400_000
UNTIL_MS = START_MS + 2 * QUARTER_MS
SYMBOL = "DOTUSDT"
KLINE: Values = tuple(map(Decimal, ("4", "5", "3", "4", "20", "80", "10", "7", "28")))
ASKED = Asked({SYMBOL: START_MS}, UNTIL_MS)


def keys() -> list[Key]:
    minutes = [("1m", SYMBOL, ms) for ms in range(START_MS, UNTIL_MS, MINUTE_MS)]
    return [*minutes, *(("15m", SYMBOL, ms) for ms in range(START_MS, UNTIL_MS, QUARTER_MS))]


def theirs() -> dict[Key, Values]:
    return dict.fromkeys(keys(), KLINE)


def questions() -> list[Question]:
    return [
        (SYMBOL, issued_ms // QUARTER_MS * QUARTER_MS, issued_ms, model)
        for issued_ms in range(START_MS + MINUTE_MS, UNTIL_MS + 1, MINUTE_MS)
        for model in ("reference", "online")
    ]


def ours() -> Held:
    answers = tuple((question, Decimal(4)) for question in questions())
    closed = tuple(answer for answer in answers if answer[0][1] + QUARTER_MS <= UNTIL_MS)
    return Held(
        candles={key: Own("complete", 1, KLINE) for key in keys()},
        trades={
            (symbol, ms): (KLINE[6], KLINE[4], KLINE[5])
            for interval, symbol, ms in keys()
            if interval == "1m"
        },
        runs=(Run(SYMBOL, 0, 300, 300, 1_001, 1_300),),
        answers=answers,
        scores=closed,
    )


def wrong(held: Held, klines: dict[Key, Values] | None = None, asked: Asked = ASKED) -> str:
    return "\n".join(differences(held, theirs() if klines is None else klines, asked))


def with_candle(key: Key, own: Own | None) -> Held:
    candles = ours().candles | ({} if own is None else {key: own})
    if own is None:
        del candles[key]
    return replace(ours(), candles=candles)


def test_where_all_is_well_nothing_is_wrong() -> None:
    assert wrong(ours()) == ""


@pytest.mark.parametrize("field", range(9))
def test_a_candle_that_is_wrong_in_any_field_is_seen(field: int) -> None:
    false = tuple(v + Decimal("0.00000001") * (n == field) for n, v in enumerate(KLINE))

    for key in (keys()[3], keys()[-1]):
        assert "the exchange:" in wrong(with_candle(key, Own("complete", 1, false)))


def test_a_candle_that_is_missing_is_seen() -> None:
    for key in (keys()[0], keys()[-1]):
        assert "is missing" in wrong(with_candle(key, None))


def test_a_hole_that_nothing_explains_is_seen() -> None:
    key = keys()[4]
    held = with_candle(key, Own(GAPPED, 1, KLINE))

    assert "is gapped" in wrong(held)
    assert wrong(held, asked=replace(ASKED, doubted=frozenset({key[1:]}))) == ""


def test_a_candle_that_the_exchange_does_not_have_is_seen_unless_it_is_quiet() -> None:
    key = keys()[4]
    klines = {k: v for k, v in theirs().items() if k != key}

    assert "ours alone" in wrong(ours(), klines)
    assert "ours alone" not in wrong(with_candle(key, Own(QUIET, 1, KLINE)), klines)


def test_a_trade_that_is_missing_is_seen() -> None:
    lost = replace(ours(), runs=(Run(SYMBOL, 0, 299, 299, 1_001, 1_300),))

    assert "1 ids are missing" in wrong(lost)


def test_of_a_symbol_whose_trades_contradicted_each_other_the_other_minutes_are_judged() -> None:
    lost = replace(ours(), runs=(Run(SYMBOL, 0, 299, 299, 1_001, 1_300),))
    minute, doubted = (SYMBOL, START_MS + 5 * MINUTE_MS), (SYMBOL, START_MS + 6 * MINUTE_MS)
    asked = replace(ASKED, doubted=frozenset({doubted}))

    assert wrong(lost, asked=asked) == ""
    trades = {key: sums for key, sums in lost.trades.items() if key != doubted}
    assert wrong(replace(lost, trades=trades), asked=asked) == ""
    trades = {key: sums for key, sums in lost.trades.items() if key != minute}
    assert str(minute[1]) in wrong(replace(lost, trades=trades), asked=asked)


@pytest.mark.parametrize("at", range(3))
def test_sums_of_trades_that_are_not_the_exchanges_are_seen(at: int) -> None:
    minute = SYMBOL, START_MS + 5 * MINUTE_MS
    sums = tuple(v - (n == at) for n, v in enumerate(ours().trades[minute]))

    assert f"at {minute[1]}" in wrong(replace(ours(), trades=ours().trades | {minute: sums}))


def test_a_minute_without_its_trades_is_seen() -> None:
    trades = dict(list(ours().trades.items())[1:])

    assert f"trades of {SYMBOL} at {START_MS}" in wrong(replace(ours(), trades=trades))


def test_a_trade_that_is_there_twice_is_seen() -> None:
    assert "1 rows are there twice" in wrong(
        replace(ours(), runs=(Run(SYMBOL, 0, 301, 300, 1_001, 1_300),))
    )


@pytest.mark.parametrize("price", [Decimal(4), Decimal(5)])
def test_a_prediction_or_a_score_that_is_there_twice_is_seen(price: Decimal) -> None:
    again = (questions()[3], price)

    assert "2 rows" in wrong(replace(ours(), answers=(*ours().answers, again)))
    assert "2 rows" in wrong(replace(ours(), scores=(*ours().scores, again)))


def test_a_prediction_without_its_score_is_seen() -> None:
    assert "has no score" in wrong(replace(ours(), scores=ours().scores[1:]))


def test_a_score_of_another_prediction_is_seen() -> None:
    (question, _), *others = ours().scores
    held = replace(ours(), scores=((question, Decimal(9)), *others))

    assert "its score 9" in wrong(held)


def test_a_question_that_was_not_answered_is_seen() -> None:
    held = replace(ours(), answers=(*ours().answers[:8], *ours().answers[9:]))

    assert "is missing" in wrong(held)


def test_no_question_follows_a_minute_that_came_late() -> None:
    (symbol, _, issued_ms, _), _ = ours().answers[8]
    held = replace(ours(), answers=(*ours().answers[:8], *ours().answers[9:]))

    assert (
        wrong(held, asked=replace(ASKED, late=frozenset({(symbol, issued_ms - MINUTE_MS)}))) == ""
    )


def test_a_good_dead_letter_is_told() -> None:
    assert wrong(replace(ours(), letters=("dead letter 7",))) == "dead letter 7"
