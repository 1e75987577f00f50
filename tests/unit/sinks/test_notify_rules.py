"""The rules of notifications: what each sees in records and in time."""

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import topics
from schemas.market import Candle, Gap
from schemas.predictions import Prediction
from sinks.notify.event import since_when
from sinks.notify.rules.gaps import GapRule
from sinks.notify.rules.mismatch import MismatchRule
from sinks.notify.rules.models import DriftRule, PromotionRule
from sinks.notify.rules.predictions import ChanceRule, VolatilityRule
from sinks.notify.rules.price import PriceRule
from sinks.notify.rules.stale import StaleRule
from tests.support.api_market import a_gap, a_model_event, a_prediction
from tests.support.builders import MINUTE_MS, START_MS, a_candle
from tests.support.notes import Notes, at, told

E8 = 10**8


def a_close(minute: int, price: float, **changes: object) -> Candle:
    """The closed 1m candle of a minute."""
    candle = replace(a_candle(open_ms=START_MS + minute * MINUTE_MS), close_e8=round(price * E8))
    return replace(candle, **changes)  # type: ignore[arg-type]


def closes(*prices: float) -> list[Candle]:
    return [a_close(minute, price) for minute, price in enumerate(prices)]


def price_rule(**more: object) -> PriceRule:
    wanted = {"when": "price", "symbols": ["BTCUSDT"], "crosses": "100", "hysteresis_percent": 1}
    return PriceRule.model_validate(wanted | more)


def test_a_price_that_rises_to_the_level_is_told_once() -> None:
    found = told(price_rule(), closes(98, 99.5, 100, 101, 105))

    assert [event.text for event in found] == [
        "BTCUSDT rose to 100.00 and crossed 100.00 (closed 1m candle, 2023-11-14 22:18 UTC)"
    ]


def test_a_price_that_trembles_at_the_level_is_told_once_until_it_was_away() -> None:
    rule = price_rule(direction="up")

    assert len(told(rule, closes(98, 100, 99.9, 100.1, 99.5, 100.2))) == 1
    assert len(told(rule, closes(98, 100, 98.9, 100.1))) == 2


@pytest.mark.parametrize(("direction", "count"), [("up", 1), ("down", 1), ("both", 2)])
def test_the_direction_says_which_crossings_count(direction: str, count: int) -> None:
    assert len(told(price_rule(direction=direction), closes(98, 102, 98))) == count


def test_the_first_price_beyond_the_level_is_no_crossing() -> None:
    assert told(price_rule(), closes(105, 106)) == []


def test_a_candle_that_comes_again_or_in_a_later_revision_changes_nothing() -> None:
    notes, rule = Notes(), price_rule()
    candles = closes(98, 102, 98)

    assert len(told(rule, candles, notes)) == 2
    again = [*candles, *(replace(candle, revision=2) for candle in candles)]
    assert told(rule, again, notes) == []


def test_live_prices_count_only_where_the_rule_says_so() -> None:
    live = [
        a_close(0, price, status="open", revision=0, event_ms=START_MS + n)
        for n, price in enumerate((98, 102))
    ]

    assert told(price_rule(), live) == []
    assert len(told(price_rule(candles="live"), live)) == 1
    assert told(price_rule(candles="live"), closes(98, 102)) == []


@given(st.lists(st.integers(90, 110), max_size=40))
def test_between_two_crossings_up_the_price_was_below_by_the_hysteresis(prices: list[int]) -> None:
    found = told(price_rule(direction="up", hysteresis_percent=3), closes(*prices))
    minutes = [(event.at_ms - START_MS) // MINUTE_MS - 1 for event in found]

    for before, after in pairwise(minutes):
        assert min(prices[before:after]) <= 97
        assert prices[after] >= 100


def test_prices_are_compared_exactly() -> None:
    rule = price_rule(crosses=Decimal("0.00001234"), hysteresis_percent=0)
    low, high = (a_close(n, 0, close_e8=price_e8) for n, price_e8 in enumerate((1233, 1234)))

    assert len(told(rule, [low, high])) == 1


def gap_rule() -> GapRule:
    return GapRule.model_validate({"when": "gap", "minutes": 5})


def noticed(state: str, *, changed: int = 0) -> Gap:
    gap = a_gap(1, state)
    return replace(gap, noticed_ms=START_MS, changed_ms=START_MS + changed)


def test_a_gap_is_told_once_when_it_was_open_for_too_long() -> None:
    notes, rule = Notes(), gap_rule()
    told(rule, [noticed("found")], notes)

    assert list(rule.look(notes, at(4.9))) == []
    (event,) = rule.look(notes, at(5))
    assert event.text == (
        "BTCUSDT: 5 trades missing and not repaired for 5 minutes (found 2023-11-14 22:15 UTC)"
    )
    told(rule, [noticed("found"), noticed("given-up", changed=9)], notes)
    assert list(rule.look(notes, at(60))) == []


@pytest.mark.parametrize("ahead_ms", [-3_600_000, 3_600_000])
def test_a_gap_has_its_minutes_whatever_the_streams_clock_says(ahead_ms: int) -> None:
    notes, rule = Notes(), gap_rule()
    gap = noticed("found")
    seen = replace(gap, noticed_ms=START_MS + ahead_ms, changed_ms=START_MS + ahead_ms + MINUTE_MS)
    list(rule.take(seen, notes, at(0, age_ms=MINUTE_MS)))

    assert list(rule.look(notes, at(2.9))) == []
    (event,) = rule.look(notes, at(3))
    assert "not repaired for 5 minutes (found 2023-11-14 22:13 UTC)" in event.text


def test_what_a_process_whose_clock_was_ahead_has_noted_is_told_at_once() -> None:
    mismatched, stood, open_gap = Notes(), Notes(), Notes()
    for candle in (ours(), theirs(high_e8=1)):
        list(mismatch_rule().take(candle, mismatched, at(60, market_ms=START_MS)))
    list(stale_rule().take(closes(1)[0], stood, at(60)))
    list(gap_rule().take(noticed("found"), open_gap, at(60)))
    now = at(5, market_ms=START_MS, traded=("BTCUSDT",))

    assert len(list(mismatch_rule().look(mismatched, now))) == 1
    assert len(list(stale_rule().look(stood, now))) == 1
    assert len(list(gap_rule().look(open_gap, now))) == 1


@pytest.mark.parametrize("after", [[], ["found"]])
def test_a_gap_that_is_repaired_in_time_is_not_told(after: list[str]) -> None:
    notes, rule = Notes(), gap_rule()
    told(rule, [noticed("found"), noticed("repaired", changed=1)], notes)
    told(rule, [noticed(state) for state in after], notes)  # the record comes again

    assert list(rule.look(notes, at(60))) == []


def test_a_gap_is_not_judged_before_all_that_is_known_of_it_was_read() -> None:
    notes, rule = Notes(), gap_rule()
    told(rule, [noticed("found")], notes)
    catching_up = replace(at(60), is_behind=lambda *what: what == (topics.GAPS.name, "BTCUSDT"))

    assert list(rule.look(notes, catching_up)) == []
    told(rule, [noticed("repaired", changed=1)], notes)
    assert list(rule.look(notes, at(60))) == []


def test_a_gap_that_was_given_up_is_told_as_such() -> None:
    notes, rule = Notes(), gap_rule()
    told(rule, [noticed("found"), noticed("given-up", changed=1)], notes)

    (event,) = rule.look(notes, at(5))
    assert "the repair was given up" in event.text


def test_repaired_gaps_are_forgotten_after_a_day() -> None:
    notes, rule = Notes(), gap_rule()
    told(rule, [noticed("repaired")], notes)
    list(rule.look(notes, at(60 * 25)))

    assert notes.written == {}


def mismatch_rule() -> MismatchRule:
    return MismatchRule.model_validate({"when": "mismatch", "minutes": 2})


def ours(**changes: object) -> Candle:
    return replace(a_candle(), **changes)  # type: ignore[arg-type]


def theirs(**changes: object) -> Candle:
    stream = replace(ours(), status="official", source="stream")
    return replace(stream, **changes)  # type: ignore[arg-type]


def after_two_minutes(*candles: Candle) -> list[str]:
    notes, rule = Notes(), mismatch_rule()
    told(rule, candles, notes)
    return [event.text for event in rule.look(notes, at(2))]


def test_a_candle_that_differs_from_the_exchanges_is_told_with_its_fields() -> None:
    (text,) = after_two_minutes(ours(), theirs(high_e8=104 * E8, trade_count=5))

    when = "2023-11-14 22:15 UTC"
    assert (
        text == f"BTCUSDT: the 1m candle of {when} differs from the exchange's in high, trade_count"
    )


def test_a_candle_that_is_corrected_in_time_is_not_told() -> None:
    wrong = theirs(high_e8=104 * E8)

    assert after_two_minutes(ours(), wrong, theirs(revision=2)) == []
    assert after_two_minutes(ours(), wrong, ours(revision=2, high_e8=104 * E8)) == []


def test_a_candle_is_not_compared_before_all_that_is_known_of_it_was_read() -> None:
    notes, rule = Notes(), mismatch_rule()
    told(rule, [ours(), theirs(high_e8=104 * E8)], notes)
    catching_up = replace(at(60), is_behind=lambda *what: what == (topics.CANDLES.name, "BTCUSDT"))

    assert list(rule.look(notes, catching_up)) == []
    told(rule, [ours(revision=2, high_e8=104 * E8)], notes)
    assert list(rule.look(notes, at(60))) == []


def test_the_source_that_is_trusted_most_counts() -> None:
    rest = theirs(source="rest", first_trade_id=-1, last_trade_id=-1)

    assert after_two_minutes(ours(), theirs(high_e8=104 * E8), rest) == []
    assert after_two_minutes(ours(), rest, theirs(high_e8=104 * E8)) == []


def test_what_is_no_mismatch() -> None:
    assert after_two_minutes(ours(), theirs()) == []
    assert after_two_minutes(ours()) == []
    assert after_two_minutes(ours(status="gapped"), theirs(high_e8=104 * E8)) == []
    assert after_two_minutes(ours(), theirs(quote_volume_e8=503 * E8 + 4)) == []  # rounding


def test_a_candle_whose_trades_are_not_its_ids_is_told() -> None:
    (text,) = after_two_minutes(ours(trade_count=3), theirs(trade_count=3))

    assert text.endswith("in trade_ids")


def test_history_is_not_compared() -> None:
    old = START_MS - 3 * 60 * MINUTE_MS
    notes, rule = Notes(), mismatch_rule()
    told(rule, [ours(open_ms=old), theirs(open_ms=old, high_e8=1)], notes)

    assert notes.written == {}


@pytest.mark.parametrize("market_ms", [0, START_MS - 24 * 60 * MINUTE_MS])
def test_the_exchanges_candles_far_from_ours_are_not_kept(market_ms: int) -> None:
    notes, rule = Notes(), mismatch_rule()
    long_after_ms = START_MS + 24 * 60 * MINUTE_MS
    events = list(rule.take(theirs(), notes, at(market_ms=market_ms, wall_ms=long_after_ms)))

    assert (events, notes.written) == ([], {})


def test_the_exchanges_candles_of_just_now_wait_for_ours_however_far_behind_those_are() -> None:
    notes, rule = Notes(), mismatch_rule()
    hours_behind = at(market_ms=START_MS - 5 * 60 * MINUTE_MS)
    list(rule.take(theirs(high_e8=1), notes, hours_behind))
    list(rule.look(notes, hours_behind))
    list(rule.take(ours(), notes, at(60)))

    assert len(list(rule.look(notes, at(62)))) == 1


def test_the_exchanges_candles_wait_two_hours_for_ours() -> None:
    notes, rule = Notes(), mismatch_rule()
    list(rule.take(theirs(high_e8=1), notes, at(market_ms=START_MS - 119 * MINUTE_MS)))
    list(rule.take(ours(), notes, at()))

    assert len(list(rule.look(notes, at(2)))) == 1


def test_old_candles_are_forgotten() -> None:
    notes, rule = Notes(), mismatch_rule()
    told(rule, [ours(), theirs()], notes)
    list(rule.look(notes, at(121)))

    assert notes.written == {}


def stale_rule(**more: object) -> StaleRule:
    return StaleRule.model_validate({"when": "stale", "minutes": 5} | more)


def test_a_symbol_that_others_have_left_behind_is_told_once() -> None:
    notes, rule = Notes(), stale_rule()
    told(rule, closes(1), notes)
    both = ("BTCUSDT", "ETHUSDT")
    others_ms = START_MS + 6 * MINUTE_MS

    assert list(rule.look(notes, at(1, market_ms=others_ms, traded=both))) == []  # catching up?
    (event,) = rule.look(notes, at(1.5, market_ms=others_ms, traded=both))
    assert event.text.startswith("BTCUSDT: no candle for 5 minutes (the last one ended")
    assert list(rule.look(notes, at(2, market_ms=others_ms, traded=both))) == []


def test_a_market_that_stands_still_is_told_by_our_own_clock() -> None:
    notes, rule = Notes(), stale_rule()
    told(rule, closes(1), notes)
    standing = START_MS + MINUTE_MS

    assert list(rule.look(notes, at(4.9, market_ms=standing, traded=("BTCUSDT",)))) == []
    assert len(list(rule.look(notes, at(5, market_ms=standing, traded=("BTCUSDT",))))) == 1


def test_a_pause_of_ours_is_no_standstill() -> None:
    notes, rule = Notes(), stale_rule()
    told(rule, closes(1), notes)
    back = at(600, market_ms=0, traded={"BTCUSDT": at(599).now_ms})

    assert list(rule.look(notes, back)) == []


def test_only_the_symbols_whose_candles_are_not_read_to_the_end_are_not_judged() -> None:
    traded = ("BTCUSDT", "ETHUSDT")
    catching_up = replace(
        at(5, traded=traded), is_behind=lambda *what: what == (topics.CANDLES.name, "BTCUSDT")
    )

    (event,) = stale_rule().look(Notes(), catching_up)
    assert event.symbol == "ETHUSDT"


def test_a_symbol_that_goes_on_can_be_stale_again() -> None:
    notes, rule = Notes(), stale_rule()
    traded = ("BTCUSDT",)
    told(rule, closes(1), notes)
    (first,) = rule.look(notes, at(9, traded=traded))
    told(rule, [a_close(8, 1)], notes)
    (second,) = rule.look(notes, at(20, traded=traded))

    assert first.id != second.id


def test_a_symbol_that_never_had_a_candle_is_told() -> None:
    (event,) = stale_rule().look(Notes(), at(5, traded=("NEWUSDT",)))

    assert event.text == "NEWUSDT: no candle for 5 minutes yet"


def test_a_symbol_that_joins_a_running_stack_has_its_minutes_for_the_first_candle() -> None:
    joined = {"NEWUSDT": at(1440).now_ms}

    assert list(stale_rule().look(Notes(), at(1441, traded=joined))) == []
    (event,) = stale_rule().look(Notes(), at(1445, traded=joined))
    assert event.text == "NEWUSDT: no candle for 5 minutes yet"


def test_a_symbol_that_is_traded_again_is_not_stale_for_its_halt() -> None:
    notes, rule = Notes(), stale_rule()
    told(rule, closes(1), notes)
    others_ms, again = at(180).now_ms, {"BTCUSDT": at(180).now_ms}

    assert list(rule.look(notes, at(181, market_ms=others_ms, traded=again))) == []


def test_a_symbol_is_traded_since_it_was_last_not_among_those_traded() -> None:
    first = since_when(("BTCUSDT", "ETHUSDT"), {}, now_ms=1)
    halted = since_when(("BTCUSDT",), first, now_ms=2)

    assert since_when(("BTCUSDT", "ETHUSDT"), halted, now_ms=3) == {"BTCUSDT": 1, "ETHUSDT": 3}


def test_candles_without_trades_count_only_as_candles() -> None:
    quiet = a_close(6, 1, trade_count=0)
    for rule, count in ((stale_rule(), 0), (stale_rule(counts="trades"), 1)):
        notes = Notes()
        told(rule, closes(1), notes)
        list(rule.take(quiet, notes, at(5)))
        assert len(list(rule.look(notes, at(7, traded=("BTCUSDT",))))) == count


def predicted(minute: int, width_percent: float, **changes: object) -> Prediction:
    half_e8 = round(width_percent / 2 * E8)
    found = replace(
        a_prediction(minute=0, open_ms=START_MS + minute * 15 * MINUTE_MS),
        low_90_e8=100 * E8 - half_e8,
        high_90_e8=100 * E8 + half_e8,
    )
    return replace(found, **changes)  # type: ignore[arg-type]


def volatility_rule() -> VolatilityRule:
    return VolatilityRule.model_validate({"when": "volatility", "above_percent": 2})


def test_a_wide_interval_is_told_once_until_it_was_clearly_narrower() -> None:
    widths = (1, 2.5, 3, 1.95, 2.5, 1.8, 2)
    found = told(volatility_rule(), [predicted(n, width) for n, width in enumerate(widths)])

    what = "BTCUSDT: the 90 % interval of the next 15 minutes is"
    assert [event.text for event in found] == [
        f"{what} 2.5 % wide, above 2 % (2023-11-14 22:30 UTC)",
        f"{what} 2 % wide, above 2 % (2023-11-14 23:45 UTC)",
    ]


@pytest.mark.parametrize(
    "changes", [{"champion": False}, {"scored": False}, {"minutes_to_close": 9.0}]
)
def test_only_the_champions_first_answer_counts(changes: dict[str, object]) -> None:
    assert told(volatility_rule(), [predicted(0, 5, **changes)]) == []


def test_predictions_that_come_again_change_nothing() -> None:
    notes, rule = Notes(), volatility_rule()
    asked = [predicted(n, width) for n, width in enumerate((1, 3, 1))]

    assert len(told(rule, asked, notes)) == 1
    assert told(rule, asked, notes) == []


def chances(*percent: float, **changes: object) -> list[Prediction]:
    """Predictions of one candle, minute by minute."""
    sure = replace(a_prediction(), chance_champion=True, champion=False)
    each = [
        replace(
            sure,
            issued_ms=START_MS + n * MINUTE_MS,
            minutes_to_close=15.0 - n,
            chance_up=value / 100,
        )
        for n, value in enumerate(percent)
    ]
    return [replace(one, **changes) for one in each]  # type: ignore[arg-type]


def chance_rule(**more: object) -> ChanceRule:
    return ChanceRule.model_validate({"when": "chance", "above_percent": 70} | more)


def test_a_high_chance_is_told_once_until_it_was_clearly_lower() -> None:
    found = told(chance_rule(), chances(50, 72, 69, 75, 60, 71))

    assert [event.text for event in found] == [
        f"BTCUSDT: the chance that the candle of 2023-11-14 22:15 UTC closes up is {chance} %, "
        f"above 70 % ({minutes} minutes before its end)"
        for chance, minutes in ((72, 14), (71, 10))
    ]


def test_a_low_chance_to_close_up_is_a_high_one_to_close_down() -> None:
    assert len(told(chance_rule(direction="down"), chances(50, 29))) == 1
    assert told(chance_rule(direction="down"), chances(50, 72)) == []


def test_a_chance_late_in_the_candle_does_not_count() -> None:
    late = chances(*[50] * 11, 99)

    assert told(chance_rule(), late) == []
    assert len(told(chance_rule(minutes_to_close=0), late)) == 1


@pytest.mark.parametrize("changes", [{"chance_champion": False}, {"scored": False}])
def test_only_the_champion_of_the_chance_counts(changes: dict[str, object]) -> None:
    assert told(chance_rule(), chances(50, 99, **changes)) == []


def test_a_prediction_without_a_chance_is_passed_over() -> None:
    (first,) = chances(50)

    assert told(chance_rule(), [replace(first, chance_up=None)]) == []


def test_events_of_models_are_told_by_their_kind() -> None:
    drift = DriftRule.model_validate({"when": "drift"})
    promotion = PromotionRule.model_validate({"when": "promotion"})
    events = [a_model_event(kind) for kind in ("trained", "drift", "promoted", "retired")]

    assert [e.text for e in told(drift, events)] == [
        "BTCUSDT: drift of batch v1, because (2023-11-14 22:15 UTC)"
    ]
    assert [e.text for e in told(promotion, events)] == [
        "BTCUSDT: promoted of batch v1, because (2023-11-14 22:15 UTC)"
    ]


def test_a_changed_condition_has_another_fingerprint_and_a_changed_target_has_not() -> None:
    rule = price_rule()

    assert rule.fingerprint == price_rule(targets=["phone"], cooldown_minutes=1).fingerprint
    assert rule.fingerprint != price_rule(crosses="101").fingerprint
