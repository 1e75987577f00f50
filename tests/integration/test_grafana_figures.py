"""What queries of the dashboards and alerts say of a market that stops, lacks or repeats something.

Each test has a time of its own, so that no other one's rows are in its answer.
"""

import itertools
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import pytest
from clickhouse_connect.driver.client import Client

from candlewick.store.admin import apply_migrations
from grafana.boards.models import SIDE_BY_SIDE
from grafana.datasource import load
from grafana.variables import ALL
from schemas.codecs import Record
from schemas.market import Candle, Gap, Trade
from schemas.predictions import Score
from schemas.symbols import SymbolChoice
from tests.support.api_market import a_coin, a_prediction, a_score
from tests.support.builders import MINUTE_MS, START_MS, a_block, a_candle, a_trade
from tests.support.grafana_world import QUARTER_MS, put
from tests.support.servers import running_clickhouse
from tools.grafana.macros import Asked, expand

HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
FIRST_MS = START_MS // DAY_MS * DAY_MS
RATE = 2  # trades a second
_days = itertools.count()


@dataclass(frozen=True, slots=True)
class World:
    """A store, and who writes and reads there."""

    writer: Client
    reader: Client

    def put(self, *records: Record) -> None:
        """Store records, as the sinks do."""
        put(self.writer, records)

    def ask(
        self, name: str, until_ms: int, *, hours: float = 24, interval_ms: int = MINUTE_MS
    ) -> list[Mapping[str, object]]:
        """Ask what a panel or an alert asks, for a time range that ends then."""
        begin_ms = until_ms - int(hours * HOUR_MS)
        options = {"symbol": ("BTCUSDT",), "model": ("reference", "online")}
        many = name.startswith("models-")
        chosen = {"symbol": ALL if many else "BTCUSDT", "model": ALL if many else "champion"}
        asked = Asked(begin_ms, until_ms, interval_ms, chosen, options)
        found = self.reader.query(expand(load(name), asked))
        return [
            {name: _plain(value) for name, value in zip(found.column_names, row, strict=True)}
            for row in found.result_rows
        ]


def _plain(value: object) -> object:
    """A number without what the order of its sum leaves behind."""
    return round(value, 9) if isinstance(value, float) else value


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_clickhouse(tmp_path_factory.mktemp("figures") / "data") as server:
        apply_migrations(server.settings)
        account = {"username": server.reader, "password": server.reader_password}
        with (
            server.client(database="candlewick") as writer,
            server.client(database="candlewick", **account) as reader,
        ):
            yield World(writer, reader)


@pytest.fixture
def day_ms() -> int:
    """The noon of a day of the test's own, weeks behind that of every other test."""
    return FIRST_MS + next(_days) * 40 * DAY_MS + DAY_MS // 2


def a_steady_stream(until_ms: int, *, minutes: int) -> list[Trade]:
    """Two trades a second, the last one half a second before the end."""
    count = minutes * 60 * RATE
    return [
        a_trade(until_ms + n, event_ms=until_ms - (count - n) * 1000 // RATE) for n in range(count)
    ]


def rates(world: World, until_ms: int, *, interval_ms: int = MINUTE_MS) -> list[object]:
    name = "pipeline-trades-a-second"
    return [row["trades"] for row in world.ask(name, until_ms, interval_ms=interval_ms)]


@pytest.mark.parametrize("interval_ms", [5_000, HOUR_MS])
@pytest.mark.parametrize("late_ms", [0, 1_000, 4_000, 9_000])
def test_the_rate_is_that_of_whole_steps_at_any_moment_and_for_any_range(
    world: World, day_ms: int, late_ms: int, interval_ms: int
) -> None:
    world.put(a_block(a_steady_stream(day_ms + 10_000, minutes=20)))

    found = rates(world, day_ms + late_ms, interval_ms=interval_ms)

    assert found == [RATE] * 90


def test_the_rate_of_a_stream_that_fell_silent_is_zero(world: World, day_ms: int) -> None:
    world.put(a_block(a_steady_stream(day_ms, minutes=2)))

    found = rates(world, day_ms + 30_000)

    assert (found[-3], found[-1]) == (RATE, 0)
    assert rates(world, day_ms + HOUR_MS) == [0] * 90


@pytest.mark.parametrize("interval", ["1m", "15m"])
def test_a_mismatch_of_either_length_is_in_what_its_alert_links_to(
    world: World, day_ms: int, interval: str
) -> None:
    length_ms = MINUTE_MS if interval == "1m" else QUARTER_MS
    ours = a_candle(open_ms=day_ms, interval=interval, length_ms=length_ms)
    its = replace(ours, source="rest", status="official", close_e8=ours.close_e8 + 1)
    world.put(ours, its)

    until_ms = day_ms + HOUR_MS
    assert world.ask("alert-mismatch", until_ms) == [{"value": 1}]
    assert [row["interval"] for row in world.ask("quality-mismatched-candles", until_ms)] == [
        interval
    ]
    assert world.ask("quality-mismatches", until_ms) == [{"mismatches": 1}]


def an_open_candle(open_ms: int) -> Candle:
    live = a_candle(open_ms=open_ms, interval="15m", length_ms=QUARTER_MS)
    return replace(live, status="open", revision=0)


@pytest.mark.parametrize(("minutes", "missing"), [(3, 0), (14, 0), (15, 0), (16, 1), (60, 1)])
def test_no_prediction_is_missing_of_a_symbol_that_is_asked_none_yet(
    world: World, day_ms: int, minutes: int, missing: int
) -> None:
    minute = a_candle(open_ms=day_ms)
    its = replace(minute, source="stream", status="official")  # the exchange's candle of the same
    opens = range(day_ms, day_ms - minutes * MINUTE_MS, -MINUTE_MS)
    world.put(
        an_open_candle(day_ms),
        *(
            replace(candle, open_ms=ms, close_ms=ms + MINUTE_MS)
            for candle in (minute, its)
            for ms in opens
        ),
    )

    assert world.ask("alert-no-prediction", day_ms + MINUTE_MS) == [{"value": missing}]


@pytest.mark.parametrize(("age_min", "missing"), [(1, 0), (2, 0), (5, 1), (9, 1)])
def test_an_open_candle_whose_predictions_have_stopped_lacks_one(
    world: World, day_ms: int, age_min: int, missing: int
) -> None:
    world.put(
        an_open_candle(day_ms),
        *(a_candle(open_ms=day_ms - n * MINUTE_MS) for n in range(1, 20)),
        *(a_prediction(open_ms=day_ms, minute=minute) for minute in range(11 - age_min)),
    )

    asked_ms = day_ms + 10 * MINUTE_MS
    assert world.ask("alert-no-prediction", asked_ms) == [{"value": missing}]


def a_scored_fortnight(day_ms: int) -> list[Score]:
    """Two answers of two models to each of 510 candles; every second case is worse."""
    return [
        _case(day_ms - number * QUARTER_MS, minute, model)
        for number in range(1, 511)
        for minute in (3, 8)
        for model in ("reference", "online")
    ]


def _case(open_ms: int, minute: int, model: str) -> Score:
    is_worse = (open_ms // QUARTER_MS + minute) % 2
    asked = a_prediction(open_ms=open_ms, minute=minute, model=model)
    if model == "online" and is_worse:
        asked = replace(asked, chance_up=0.6)
    error_bp = (4.0 if is_worse else 1.0) * (0.5 if model == "online" and is_worse else 1.0)
    return replace(a_score(asked, error_bp=error_bp), covered_90=not is_worse)


OF_SCORES = (
    "alert-coverage",
    "alert-reliability",
    "models-calibration",
    "models-coverage",
    "models-coverage-by-minutes-to-close",
    "models-pinball-loss",
    "models-reliability",
    "models-scoreboard",
    "models-skill-of-the-chance",
    "models-skill-of-the-interval",
    "models-skill-of-the-point",
    "prediction-error-by-minutes-to-close",
)


@pytest.fixture(scope="module")
def twice_scored(world: World) -> tuple[int, dict[str, list[Mapping[str, object]]]]:
    """A fortnight of which half is stored twice, and what was answered before."""
    until_ms = FIRST_MS - 100 * DAY_MS
    scores = a_scored_fortnight(until_ms)
    world.put(*scores)
    before = {name: world.ask(name, until_ms, hours=14 * 24) for name in OF_SCORES}
    world.put(*(score for score in scores if not score.covered_90))
    return until_ms, before


@pytest.mark.parametrize("name", OF_SCORES)
def test_scores_that_are_stored_twice_count_once(
    world: World, twice_scored: tuple[int, dict[str, list[Mapping[str, object]]]], name: str
) -> None:
    until_ms, before = twice_scored

    assert before[name]
    assert world.ask(name, until_ms, hours=14 * 24) == before[name]


def a_minute(open_ms: int) -> Candle:
    return a_candle(open_ms=open_ms)


def test_a_symbol_without_a_candle_in_the_last_hour_has_no_change_for_it(
    world: World, day_ms: int
) -> None:
    world.put(a_minute(day_ms - DAY_MS), a_minute(day_ms - 2 * HOUR_MS))

    (row,) = world.ask("market-all-symbols", day_ms)

    assert row["24 h"] == pytest.approx(0.01)
    assert row["1 h"] is None


@pytest.mark.parametrize(
    ("listed_min", "a_day", "an_hour"),
    [(10, None, None), (60, None, 0.01), (120, None, 0.01), (1439, 0.01, 0.01), (1440, 0.01, 0.01)],
)
def test_a_change_is_that_of_the_whole_time_or_none(
    world: World, day_ms: int, listed_min: int, a_day: float | None, an_hour: float | None
) -> None:
    world.put(*(a_minute(day_ms - n * MINUTE_MS) for n in range(1, listed_min + 1)))

    (row,) = world.ask("market-all-symbols", day_ms)
    change = world.ask("market-24-h-change", day_ms)

    assert (row["24 h"], row["1 h"]) == (a_day, an_hour)
    assert row["trades a minute"] == a_minute(day_ms).trade_count
    assert change == ([] if a_day is None else [{"change": a_day}])


@pytest.mark.parametrize("name", ["market-24-h-change", "quality-complete"])
def test_a_figure_of_no_candles_is_none(world: World, day_ms: int, name: str) -> None:
    assert world.ask(name, day_ms) == []


def a_status(
    symbol: str, status: str, *, since_ms: int = -1, changed_ms: int, tick_e8: int = 1
) -> SymbolChoice:
    """What the stream notes of how the exchange trades a symbol."""
    return SymbolChoice(
        symbol=symbol,
        chosen_by="setting",
        is_followed=True,
        status=status,
        since_ms=since_ms,
        matched_ms=changed_ms,
        tick_e8=tick_e8,
        step_e8=1,
        permissions="SPOT",
        changed_ms=changed_ms,
        reason="",
    )


def a_quarter(symbol: str, open_ms: int, status: str = "complete") -> Candle:
    made = a_candle(open_ms=open_ms, interval="15m", length_ms=QUARTER_MS)
    return replace(made, symbol=symbol, status=status)


def test_nothing_is_missing_behind_the_end_of_trading(world: World, day_ms: int) -> None:
    halted, traded = "ENDEDUSDT", "GOESUSDT"
    begin_ms, until_ms = day_ms - DAY_MS // 2, day_ms + DAY_MS  # midnight, and noon a day later
    quarters = range(begin_ms, until_ms, QUARTER_MS)
    world.put(
        *(a_quarter(traded, ms) for ms in quarters),
        *(a_quarter(halted, ms) for ms in quarters[:30]),
        *(a_quarter(halted, ms, "quiet") for ms in quarters[40:80]),
    )
    last_ms = quarters[33] + 5  # three candles before it are missing, and its own
    world.put(a_status(halted, "BREAK", since_ms=last_ms, changed_ms=day_ms))

    cells = world.ask("quality-completeness-calendar", until_ms, hours=36)
    (figure,) = world.ask("quality-complete", until_ms, hours=36)

    assert [row["complete"] for row in cells if row["symbol"] == traded] == [1, 1]
    assert [row["complete"] for row in cells if row["symbol"] == halted] == [round(30 / 34, 9)]
    assert figure["complete"] == round((30 + 143) / (34 + 143), 9)


def a_gap(noticed_ms: int, state: str, *, changed_ms: int) -> Gap:
    return Gap(
        symbol="BTCUSDT",
        first_agg_id=noticed_ms,
        last_agg_id=noticed_ms + 4,
        after_ms=noticed_ms,
        before_ms=noticed_ms + 900,
        state=state,
        noticed_ms=noticed_ms,
        changed_ms=changed_ms,
        reason="ids jumped",
    )


@pytest.mark.parametrize(("last", "unrepaired"), [("repaired", 0), ("given-up", 1)])
def test_a_gap_that_was_found_by_a_clock_that_was_ahead_is_not_open_for_ever(
    world: World, day_ms: int, last: str, unrepaired: int
) -> None:
    found = a_gap(day_ms, "found", changed_ms=day_ms + HOUR_MS)
    before = world.ask("quality-open-gaps", day_ms + HOUR_MS)  # other tests may leave some
    world.put(found, a_gap(day_ms, last, changed_ms=day_ms + 2_000))

    asked_ms = day_ms + HOUR_MS
    assert world.ask("alert-gap-not-repaired", asked_ms) == [{"value": unrepaired}]
    assert [row["now"] for row in world.ask("quality-gaps", asked_ms)] == [last]
    assert world.ask("quality-open-gaps", asked_ms) == before


@pytest.mark.parametrize(
    ("number", "steps", "held", "told"),
    [
        (0, 0, 500, 0.95),
        (1, 2, 485, 0.95),
        (2, 4, 485, 0.97),
        (3, 2, 400, 0.8),
    ],
)
def test_an_interval_that_cannot_be_narrower_does_not_hold_too_much(
    world: World, day_ms: int, *, number: int, steps: int, held: int, told: float
) -> None:
    symbol = f"STABLE{number}USDT"
    world.put(
        a_status(symbol, "TRADING", changed_ms=day_ms, tick_e8=10_000),
        *(
            replace(
                a_score(a_prediction(symbol=symbol, open_ms=day_ms - n * QUARTER_MS), error_bp=0.0),
                price_e8=10**8,
                width_90_bp=steps * 1.0,
                covered_90=n <= held,
            )
            for n in range(1, 501)
        ),
    )

    values = {row["symbol"]: row["value"] for row in world.ask("alert-coverage", day_ms)}

    assert values[symbol] == told


STEP_MS = 10 * MINUTE_MS


def put_rows_a_second(world: World, begin_ms: int, end_ms: int) -> None:
    """Let the store have got a trade a second."""
    world.writer.command(
        "INSERT INTO trades (symbol, agg_id, event_time, stored_time) "
        "SELECT 'BTCUSDT', {begin:Int64} + number, "
        "fromUnixTimestamp64Milli({begin:Int64} + number * 1000) AS at, at "
        "FROM numbers(toUInt64({count:Int64}))",
        parameters={"begin": begin_ms, "count": (end_ms - begin_ms) // 1000},
    )


@pytest.mark.parametrize("late_s", [0, 1, 299, 599])
def test_the_rows_stored_a_second_are_those_of_whole_steps(
    world: World, day_ms: int, late_s: int
) -> None:
    until_ms = day_ms + late_s * 1000
    put_rows_a_second(world, day_ms - HOUR_MS, until_ms)

    rows = world.ask("pipeline-rows-stored-a-second", until_ms, hours=0.8, interval_ms=STEP_MS)

    assert {row["rows"] for row in rows if row["source"] == "trades"} == {1}
    assert len(rows) in {3 * 4, 4 * 4}


def test_no_row_in_a_step_is_zero_for_every_table(world: World, day_ms: int) -> None:
    put_rows_a_second(world, day_ms - 40 * MINUTE_MS, day_ms - 20 * MINUTE_MS)

    rows = world.ask("pipeline-rows-stored-a-second", day_ms, hours=1, interval_ms=STEP_MS)

    stored = {source: [r["rows"] for r in rows if r["source"] == source] for source in TABLES_SHOWN}
    assert stored == {"trades": [0, 1, 1, 0, 0]} | dict.fromkeys(TABLES_SHOWN[1:], [0] * 5)


TABLES_SHOWN = ("trades", "candles", "predictions", "scores")


@pytest.mark.parametrize("late_s", [0, 5, 299, 599])
def test_the_records_a_second_are_those_of_whole_steps(world: World, late_s: int) -> None:
    began_ms = (time.time_ns() // 1_000_000 // STEP_MS - 12) * STEP_MS  # old measures are not kept
    until_ms = began_ms + HOUR_MS + late_s * 1000
    world.writer.command("TRUNCATE TABLE pipeline_measures")
    world.writer.command(
        "INSERT INTO pipeline_measures (measured_time, measure, of, detail, value) "
        "SELECT fromUnixTimestamp64Milli({begin:Int64} + number * 5000), 'end', "
        "'market.trades.v1', '', number * 5 FROM numbers(toUInt64({count:Int64}))",
        parameters={"begin": began_ms, "count": (3_600 + late_s) // 5},
    )

    name = "pipeline-records-into-kafka-a-second"
    rows = world.ask(name, until_ms, hours=1, interval_ms=STEP_MS)

    assert {row["records"] for row in rows} == {1}
    assert len(rows) >= 4


@pytest.mark.parametrize(("silent_min", "age_s"), [(1, 60), (59, 3_540), (61, 3_600), (900, 3_600)])
def test_a_symbol_that_is_silent_for_long_stays_old(
    world: World, day_ms: int, silent_min: int, age_s: int
) -> None:
    symbol, ended = "BTCUSDT", f"END{silent_min}USDT"
    world.writer.command("TRUNCATE TABLE symbol_changes")
    world.put(
        a_block([a_trade(day_ms, event_ms=day_ms, symbol=symbol)]),
        a_status(symbol, "TRADING", changed_ms=day_ms),
        a_status(ended, "BREAK", since_ms=day_ms, changed_ms=day_ms),
    )

    asked_ms = day_ms + silent_min * MINUTE_MS
    assert world.ask("market-age-of-the-newest-trade", asked_ms) == [{"age": age_s}]
    assert world.ask("pipeline-age-by-symbol", asked_ms) == [{"symbol": symbol, "age": age_s}]


@pytest.mark.parametrize(
    ("late_s", "last"), [(1, 4), (29, 4), (30, 4), (89, 4), (90, 0), (3_600, 0)]
)
def test_a_minute_that_has_no_candle_when_it_is_due_had_no_trades(
    world: World, day_ms: int, late_s: int, last: int
) -> None:
    newest = a_candle(open_ms=day_ms - MINUTE_MS)
    world.put(newest)

    rows = world.ask("market-trades-a-minute", day_ms + late_s * 1000)

    assert rows[-1]["trades"] == last
    assert sum(row["trades"] == newest.trade_count for row in rows) == 1
    assert len(rows) in {120, 121}


def test_a_model_of_ones_own_is_shown_beside_ours(world: World, day_ms: int) -> None:
    for n in range(40):
        asked = a_prediction(open_ms=day_ms - n * QUARTER_MS, minute=5, model="mine")
        world.put(replace(a_score(asked, error_bp=1.0), champion=True))

    who = world.ask("models-who-speaks", day_ms)
    (coverage,) = world.ask("models-coverage-by-minutes-to-close", day_ms)
    (reliability,) = world.ask("models-reliability", day_ms)

    assert {row["who"] for row in who} == {list(SIDE_BY_SIDE).index("own")}
    assert (coverage["minutes"], coverage["own"], coverage["online"]) == (10, 1, None)
    assert (reliability["own"], reliability["online"]) == (round(1 - 0.7, 9), None)


def test_a_figure_that_coingecko_gives_no_more_is_empty(world: World, day_ms: int) -> None:
    coin = a_coin("suspended", 1)
    names = ("price_e8", "market_cap_e8", "volume_24h_e8", "ath_change_e8", "rank")
    unknown = replace(coin, **dict.fromkeys(names, None))  # type: ignore[arg-type]
    before_ms = day_ms - HOUR_MS
    world.put(
        replace(coin, fetched_ms=before_ms, updated_ms=before_ms),
        replace(unknown, fetched_ms=day_ms, updated_ms=day_ms),
    )

    (before,) = world.ask("market-coins", day_ms - 1_000)
    (row,) = world.ask("market-coins", day_ms)

    assert (before["price"], before["capitalisation"], before["turnover"]) == (5, 5, 1)
    assert (row["price"], row["capitalisation"], row["turnover"]) == (None, None, None)
    assert (row["rank"], row["below its high"], row["24 h"]) == (None, None, 0.05)
    assert world.ask("market-capitalisation", day_ms - 1_000)
    assert world.ask("market-capitalisation", day_ms) == []
