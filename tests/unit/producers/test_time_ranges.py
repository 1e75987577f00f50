"""Sets of time behave as sets of minutes do."""

from hypothesis import given
from hypothesis import strategies as st

from producers.history.archive_plan import Choice, days_of, files_for
from producers.history.hole_proof import judged
from producers.history.time_ranges import Spans, runs_of
from schemas.history import HoleKind
from schemas.timeframe import Interval
from tests.support.backfilling import DAY_MS
from tests.support.builders import a_trade

NOW_MS = 10**12
NEW_YEAR_MS = 1_735_689_600_000
EDGES = st.tuples(st.integers(0, 30), st.integers(0, 30))
SPANS = st.lists(EDGES, max_size=6).map(Spans.of)


def minutes(spans: Spans) -> set[int]:
    return {at for start, end in spans for at in range(start, end)}


@given(SPANS, SPANS)
def test_union_and_difference_are_those_of_sets(one: Spans, other: Spans) -> None:
    assert minutes(one | other) == minutes(one) | minutes(other)
    assert minutes(one - other) == minutes(one) - minutes(other)


@given(SPANS)
def test_runs_are_ascending_and_apart(spans: Spans) -> None:
    edges = spans.flat()

    assert list(edges) == sorted(set(edges))
    assert Spans.unflattened(edges) == spans


@given(SPANS, EDGES)
def test_a_run_added_is_a_union(spans: Spans, run: tuple[int, int]) -> None:
    assert spans.with_run(*run) == spans | Spans.of([run])
    assert minutes(spans.within(*run)) == minutes(spans) & set(range(*run))


@given(st.sets(st.integers(0, 40)))
def test_candles_cover_their_time(opens: set[int]) -> None:
    times = [5 * at for at in sorted(opens)]

    assert minutes(runs_of(times, 5)) == {at + n for at in times for n in range(5)}


def test_whole_months_are_taken_by_month_and_the_running_one_by_day() -> None:
    missing = Spans.of([(NEW_YEAR_MS - 31 * DAY_MS, NEW_YEAR_MS + 3 * DAY_MS + 1)])
    now_ms = NEW_YEAR_MS + 3 * DAY_MS + 3_600_000

    files = files_for("BTCUSDT", Interval.ONE_MINUTE, missing, Choice.AUTO, now_ms=now_ms)

    assert [f.name[11:-4] for f in files] == ["2024-12", "2025-01-01", "2025-01-02", "2025-01-03"]


def test_what_few_calls_bring_is_left_to_rest() -> None:
    missing = Spans.of([(NEW_YEAR_MS, NEW_YEAR_MS + 365 * DAY_MS)])
    now_ms = NEW_YEAR_MS + 400 * DAY_MS

    quarters = files_for("A", Interval.FIFTEEN_MINUTES, missing, Choice.AUTO, now_ms=now_ms)
    archives = files_for("A", Interval.FIFTEEN_MINUTES, missing, Choice.ARCHIVE, now_ms=now_ms)
    rest = files_for("A", Interval.ONE_MINUTE, missing, Choice.REST, now_ms=now_ms)

    assert (len(quarters), len(archives), len(rest)) == (0, 12, 0)


def test_a_month_not_published_is_replaced_by_the_days_that_are_missing() -> None:
    missing = Spans.of([(NEW_YEAR_MS, NEW_YEAR_MS + 2 * DAY_MS)])
    now_ms = NEW_YEAR_MS + 60 * DAY_MS
    (month,) = files_for("A", Interval.ONE_MINUTE, missing, Choice.ARCHIVE, now_ms=now_ms)[:1]

    assert month.days in {1, 31}
    assert all(day.days == 1 for day in days_of(month, missing, Choice.ARCHIVE, now_ms=now_ms))


def test_consecutive_ids_around_a_hole_prove_it() -> None:
    before, after = a_trade(9, event_ms=99), a_trade(10, event_ms=200)

    assert judged((100, 200), before, after, now_ms=NOW_MS)[0] is HoleKind.OFFICIAL


def test_a_trade_inside_a_hole_proves_nothing() -> None:
    before, after = a_trade(9, event_ms=150), a_trade(10, event_ms=200)

    assert judged((100, 200), before, after, now_ms=NOW_MS)[0] is HoleKind.UNPROVEN
    assert judged((100, 200), None, after, now_ms=NOW_MS)[0] is HoleKind.UNPROVEN
    assert judged((100, 200), None, None, now_ms=NOW_MS)[0] is HoleKind.UNPROVEN


def test_nothing_is_there_before_the_first_trade() -> None:
    assert judged((100, 200), None, a_trade(0, event_ms=200), now_ms=NOW_MS)[0] is HoleKind.UNLISTED


def test_nothing_is_there_after_the_last_trade_of_a_symbol_that_is_silent_for_a_day() -> None:
    last = a_trade(9, event_ms=NOW_MS - DAY_MS - 1)
    run = (NOW_MS - DAY_MS, NOW_MS - 1000)

    assert judged(run, last, None, now_ms=NOW_MS)[0] is HoleKind.ENDED
    assert judged(run, last, None, now_ms=NOW_MS - 2)[0] is HoleKind.UNPROVEN
    assert judged((run[0] - 2, run[1]), last, None, now_ms=NOW_MS)[0] is HoleKind.UNPROVEN
