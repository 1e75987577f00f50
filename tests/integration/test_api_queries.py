"""What queries of the API say, against the real engine."""

import itertools
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest
from clickhouse_connect.driver.client import Client

from api.health.stored import Stored, read_stored
from api.http.times import END_MS
from api.queries.clickhouse import Reader, Row, Value
from api.queries.market import COINS, GAPS
from api.queries.quality import VOLATILITY
from api.routes.outcomes import OUTCOMES
from candlewick.store.admin import apply_migrations
from schemas.codecs import Record
from schemas.market import Candle
from tests.support.api_market import a_coin, a_gap, a_prediction, a_score
from tests.support.builders import MINUTE_MS, START_MS, a_candle
from tests.support.grafana_world import put
from tests.support.servers import running_clickhouse

HOUR_MS = 3_600_000
LATE_MS = START_MS + 90_000 * HOUR_MS  # newer than what other tests store
QUARTER_MS = 900_000
MANY = 300_000
# Questions of one model, a minute apart, from a day after the first candle on.
_MANY_PREDICTIONS = """
INSERT INTO predictions (symbol, interval, open_time, close_time, issued_time, model, scored)
SELECT {symbol:String}, '15m',
    fromUnixTimestamp64Milli({from_ms:Int64} + intDiv(number, 15) * 900000, 'UTC') AS open_time,
    open_time + INTERVAL 15 MINUTE, open_time + INTERVAL number % 15 MINUTE, 'busy', true
FROM numbers({many:UInt64})"""
_names = (f"SYM{number}USDT" for number in itertools.count())


@dataclass(frozen=True, slots=True)
class World:
    """A store, and who writes and reads there."""

    writer: Client
    reader: Reader

    def put(self, *records: Record) -> None:
        """Store records, as the sinks do."""
        put(self.writer, records)

    def ask(self, query: str, **bound: Value) -> list[Row]:
        """Ask as the API does."""
        return self.reader.rows(query, bound)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_clickhouse(tmp_path_factory.mktemp("queries") / "data") as server:
        apply_migrations(server.settings)
        reader = Reader(server.settings)
        with server.client(database="candlewick") as writer:
            yield World(writer, reader)
        reader.close()


@pytest.mark.parametrize("last", ["repaired", "given-up"])
def test_a_gap_that_was_found_by_a_clock_that_was_ahead_has_its_last_state(
    world: World, last: str
) -> None:
    symbol = next(_names)
    found, ended = (replace(a_gap(1, state), symbol=symbol) for state in ("found", last))
    world.put(replace(found, changed_ms=found.changed_ms + HOUR_MS), ended)

    newest = {"ms": START_MS + HOUR_MS, "after_symbol": "", "first_id": 0, "limit": 9}
    rows = world.ask(GAPS, symbol=symbol, state="", **newest)

    assert [row["state"] for row in rows] == [last]
    assert world.ask(GAPS, symbol=symbol, state="found", **newest) == []


def test_coins_that_are_followed_no_more_are_not_listed(world: World) -> None:
    world.writer.command("TRUNCATE TABLE coins")
    day_ms = 24 * HOUR_MS
    wrong, right, still = a_coin("wrong-id", 3), a_coin("right-id", 2), a_coin("suspended", 1)
    world.put(
        wrong,
        still,
        *(replace(right, fetched_ms=START_MS + n * day_ms, rank=n) for n in (2, 3)),
        replace(still, fetched_ms=START_MS + 3 * day_ms),  # its figures are of three days ago
        replace(right, fetched_ms=START_MS + 3 * day_ms, updated_ms=START_MS + 3 * day_ms),
    )

    rows = world.ask(COINS)

    assert [(row["coin_id"], row["updated_ms"]) for row in rows] == [
        ("suspended", START_MS),
        ("right-id", START_MS + 3 * day_ms),
    ]


def test_the_move_over_missing_candles_is_no_move_of_15_minutes(world: World) -> None:
    symbol = next(_names)
    newest_ms = time.time_ns() // 1_000_000 // QUARTER_MS * QUARTER_MS
    quarter = replace(a_candle(interval="15m", length_ms=QUARTER_MS), symbol=symbol)
    prices = [100.0, 100.2] * 20 + [102.6, 102.8] * 20  # 20 bp each, and 2 % overnight
    opens = [newest_ms - (80 - n + (40 if n < 40 else 0)) * QUARTER_MS for n in range(80)]
    world.put(
        *(
            replace(quarter, open_ms=ms, close_ms=ms + QUARTER_MS, close_e8=round(price * 1e8))
            for ms, price in zip(opens, prices, strict=True)
        )
    )

    (row,) = world.ask(VOLATILITY, symbols=[symbol])

    assert row["moves"] == 78
    assert row["month_bp"] == pytest.approx(math.log(1.002) * 1e4, rel=0.03)


def test_a_symbol_without_a_row_of_this_hour_is_looked_for_in_the_day(world: World) -> None:
    now, quiet, gone = (next(_names) for _ in range(3))
    for symbol, hours_ago in ((now, 0), (quiet, 5), (gone, 48)):
        world.put(a_minute(symbol, LATE_MS - hours_ago * HOUR_MS))

    found = read_stored(world.reader, (now, quiet, gone))

    candles = {row.symbol: row.age_s for row in found if row.table == "candles"}
    assert candles[gone] is None
    assert {symbol: age_s is not None for symbol, age_s in candles.items()} == {
        now: True,
        quiet: True,
        gone: False,
    }
    assert {row.age_s for row in found if row.table == "trades"} == {None}


def test_to_look_for_the_newest_rows_does_not_read_those_of_the_day(world: World) -> None:
    symbol, day = next(_names), range(2, 20)
    minutes = [LATE_MS - h * HOUR_MS - m * MINUTE_MS for h in day for m in range(60)]
    world.put(*(a_minute(symbol, open_ms) for open_ms in minutes))
    world.put(a_minute(symbol, LATE_MS))
    nothing = rows_read_by(world, lambda: None)

    found: list[Stored] = []
    rows = rows_read_by(world, lambda: found.extend(read_stored(world.reader, (symbol,))))

    assert next(row.age_s for row in found if row.table == "candles") is not None
    assert rows - nothing < len(minutes) / 2


def a_minute(symbol: str, open_ms: int) -> Candle:
    return replace(a_candle(open_ms=open_ms), symbol=symbol)


def rows_read_by(world: World, do: Callable[[], object]) -> int:
    """Rows that queries read meanwhile, with those of the one that asks for it."""
    query = "SELECT value FROM system.events WHERE event = 'SelectedRows'"
    before = world.writer.query(query).result_rows[0][0]
    do()
    return int(world.writer.query(query).result_rows[0][0] - before)


@pytest.mark.parametrize(("model", "cases"), [("nobody", 0), ("retired", 3)])
def test_outcomes_of_a_model_that_answers_no_more_read_its_own_predictions_only(
    world: World, model: str, cases: int
) -> None:
    symbol = next(_names)
    began = [START_MS + number * QUARTER_MS for number in range(3)]
    made = [a_prediction(symbol=symbol, open_ms=ms, model="retired") for ms in began]
    world.put(*made, *(a_score(prediction, error_bp=1.5) for prediction in made))
    later = {"symbol": symbol, "from_ms": START_MS + 24 * HOUR_MS, "many": MANY}
    world.writer.command(_MANY_PREDICTIONS, later)

    start = {"open_ms": END_MS - 1, "issued_ms": END_MS - 1, "after_model": "", "limit": 501}
    asked = {"symbol": symbol, "model": model, "champion": "false", "minutes": 0} | start
    few = {"max_rows_to_read": MANY // 3}  # ClickHouse refuses what reads more
    rows = list(world.writer.query(OUTCOMES, asked, settings=few).named_results())

    assert [row["open_ms"] for row in rows] == began[::-1][:cases]
    assert all(row["low_90"] is not None for row in rows)
