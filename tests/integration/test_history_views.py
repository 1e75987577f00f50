"""The views over candles of the past, against the real engine: what is best, held, missing."""

import asyncio
import json
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from itertools import count, product
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from api.http.times import iso
from api.queries.days import day_rows
from api.queries.quality import DAYS, FIRSTS
from candlewick.cli import build_app
from candlewick.store.admin import apply_lifecycle, apply_migrations
from candlewick.store.retention import wanted_ttls
from clients.clickhouse import connect_reader, connect_writer
from clients.table_sizes import read_table_sizes
from processors.history import History
from processors.predictor.history_check import Stock, Stored
from schemas.day_digest import DayDigest, canonical, day_digests
from schemas.errors import CandlewickError, ConfigurationError
from schemas.history import Hole
from schemas.market import NO_TRADE_ID, TRUST, Candle
from schemas.replayed import PROVEN_REVISION, ranked
from schemas.settings import BackfillSettings, ClickHouseSettings, LifecycleSettings, Settings
from schemas.symbols import ChosenBy, SymbolChoice, by_hand
from schemas.timeframe import Interval
from sinks.clickhouse import ClickHouse
from sinks.history_rows import hole_row
from sinks.rows import candle_row
from sinks.symbol_rows import symbol_row
from sinks.tables import TABLES
from tests.support.builders import a_candle
from tests.support.documents import code_of
from tests.support.servers import running_clickhouse

QUARTER_MS = Interval.FIFTEEN_MINUTES.ms
DAY_MS = Interval.ONE_DAY.ms
VARIATION_E16 = 9 * 10**23  # of a pair of millions, as in yen
DAY = 1_700_006_400_000  # a day begins here, in November 2023
GRACE_MS = 60_000
WRITERS: dict[type, Callable[[Any], bytes]] = {
    Candle: candle_row,
    Hole: hole_row,
    SymbolChoice: symbol_row,
}
_numbers = count()
SOURCES = tuple(source.value for source in TRUST)
EVERY_CLAIM = [*product((None, "complete", "quiet", "gapped"), *((None, name) for name in SOURCES))]
ROLLED = {"30m": 2, "1h": 4, "4h": 16, "1d": 96}
EXACT = ("high", "low", "volume", "quote_volume", "taker_buy_volume", "taker_buy_quote_volume")


@dataclass(slots=True)
class World:
    settings: ClickHouseSettings
    environment: dict[str, str]
    store: ClickHouse
    writer: Client
    reader: Client

    def put(self, name: str, *records: Candle | Hole | SymbolChoice) -> None:
        """Insert records as the sink does, likely ones or not."""
        table = next(t for t in TABLES if t.name == name)
        rows = b"".join(WRITERS[type(record)](record) for record in records)
        self.store.insert(table, rows, token=f"{name} {next(_numbers)}")

    def fill(self, symbol: str, interval: Interval, start_ms: int, end_ms: int) -> None:
        """Let the store hold klines of a symbol that open in a half-open range."""
        opens = range(start_ms, end_ms, interval.ms)
        rows = [
            (symbol, interval.value, _time(ms), _time(ms + interval.ms), "rest", "official")
            for ms in opens
        ]
        names = ["symbol", "interval", "open_time", "close_time", "source", "status"]
        self.writer.insert("klines", rows, column_names=names)

    def rows(self, query: str, **parameters: str) -> list[dict[str, Any]]:
        return list(self.reader.query(query, parameters).named_results())

    def months(self, symbol: str) -> list[dict[str, Any]]:
        query = "SELECT * FROM completeness WHERE symbol = {symbol:String} ORDER BY month"
        return self.rows(query, symbol=symbol)

    def traded_months(self, symbol: str) -> list[dict[str, Any]]:
        query = "SELECT * FROM completeness_traded WHERE symbol = {symbol:String} ORDER BY month"
        return self.rows(query, symbol=symbol)

    def run(self, *arguments: str, **environment: str) -> Result:
        app = build_app(arguments[:1])
        found = CliRunner().invoke(app, list(arguments), env=self.environment | environment)
        if found.exception is not None and not isinstance(found.exception, SystemExit):
            raise found.exception
        return found


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("history")
    with running_clickhouse(folder / "clickhouse") as server:
        found = ClickHouseSettings.model_validate(
            {
                "url": server.url,
                "user": server.user,
                "password": server.password,
                "reader_user": server.reader,
                "reader_password": server.reader_password,
            }
        )
        environment = {
            "CANDLEWICK_DATA_DIR": str(folder),
            "CANDLEWICK_CLICKHOUSE__URL": server.url,
            "CANDLEWICK_CLICKHOUSE__PASSWORD": server.password,
            "CANDLEWICK_CLICKHOUSE__READER_PASSWORD": server.reader_password,
        }
        apply_migrations(found)
        with connect_writer(found) as writer, connect_reader(found) as reader:
            yield World(found, environment, ClickHouse(found), writer, reader)


def _time(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def _e8(value: Decimal) -> int:
    return int(value.scaleb(8))


def a_name() -> str:
    return f"SYM{next(_numbers)}"


def a_quarter(symbol: str, number: int = 0, **changes: object) -> Candle:
    """A 15-minute candle of ours, so many after the beginning of the day."""
    made = a_candle(open_ms=DAY + number * QUARTER_MS, interval="15m", length_ms=QUARTER_MS)
    return replace(made, **{"symbol": symbol, **changes})  # type: ignore[arg-type]


def a_kline(candle: Candle, source: str = "rest", **changes: object) -> Candle:
    made = replace(
        candle,
        source=source,
        status="official",
        first_trade_id=NO_TRADE_ID,
        last_trade_id=NO_TRADE_ID,
        price_variation_e16=None,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def in_order(world: World, view: str, symbol: str, columns: str = "*") -> list[dict[str, Any]]:
    query = f"SELECT {columns} FROM {view} WHERE symbol = {{symbol:String}} ORDER BY open_time"  # noqa: S608 - our own names
    return world.rows(query, symbol=symbol)


amounts = st.integers(1, 10**22)


@st.composite
def days_of_candles(draw: st.DrawFn) -> list[Candle]:
    """Quarters of one day, some missing, with the widest numbers."""
    numbers = draw(st.sets(st.integers(0, 95), min_size=1))
    return [
        a_quarter(
            "",
            number,
            open_e8=draw(amounts),
            high_e8=draw(amounts),
            low_e8=draw(amounts),
            close_e8=draw(amounts),
            volume_e8=draw(amounts),
            quote_volume_e8=draw(amounts),
            taker_buy_volume_e8=draw(amounts),
            taker_buy_quote_volume_e8=draw(amounts),
            trade_count=draw(st.just(0) | st.integers(1, 10**6)),
        )
        for number in sorted(numbers)
    ]


def rolled(candles: list[Candle], each: int) -> list[dict[str, int]]:
    """What a view must say: Python's integers over each run of so many quarters."""
    groups: dict[int, list[Candle]] = {}
    for candle in candles:
        groups.setdefault((candle.open_ms - DAY) // (each * QUARTER_MS), []).append(candle)
    traded = {n: [c for c in group if c.trade_count] or group for n, group in groups.items()}
    return [
        {
            "open_ms": DAY + number * each * QUARTER_MS,
            "open": traded[number][0].open_e8,
            "close": traded[number][-1].close_e8,
            "high": max(c.high_e8 for c in traded[number]),
            "low": min(c.low_e8 for c in traded[number]),
            **{n: sum(getattr(c, f"{n}_e8") for c in group) for n in EXACT[2:]},
            "trade_count": sum(c.trade_count for c in group),
            "is_complete": len(group) == each,
        }
        for number, group in groups.items()
    ]


@given(candles=days_of_candles(), theirs=st.sets(st.integers(0, 95)))
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_longer_candles_are_exact_and_say_when_they_are_incomplete(
    world: World, candles: list[Candle], theirs: set[int]
) -> None:
    symbol = a_name()
    named = [replace(candle, symbol=symbol) for candle in candles]
    for n, candle in enumerate(named):
        if n in theirs:
            named[n] = a_kline(candle)
    for table, wanted in (("candles", "trades"), ("klines", "rest")):
        if chosen := [c for c in named if c.source == wanted]:
            world.put(table, *chosen)

    for interval, each in ROLLED.items():
        found = [
            {
                "open_ms": int(row["open_time"].replace(tzinfo=UTC).timestamp() * 1000),
                **{name: _e8(row[name]) for name in ("open", "close", *EXACT)},
                "trade_count": row["trade_count"],
                "is_complete": row["status"] != "incomplete",
            }
            for row in in_order(world, f"candles_{interval}", symbol)
        ]
        assert found == rolled(named, each)


def test_a_longer_candle_says_what_its_parts_are(world: World) -> None:
    symbol = a_name()
    quiet = {"trade_count": 0, "first_trade_id": -1, "last_trade_id": -1, "status": "quiet"}
    world.put("candles", *(a_quarter(symbol, n) for n in range(2)))
    world.put("candles", *(a_quarter(symbol, n, **quiet) for n in range(4, 8)))
    world.put("candles", *(a_quarter(symbol, n, status="gapped") for n in range(8, 12)))
    world.put("klines", *(a_kline(a_quarter(symbol, n)) for n in (2, 3, *range(12, 16), 16)))

    names = "status, source, parts, first_trade_id"
    found = in_order(world, "candles_1h", symbol, names)

    assert [tuple(row.values()) for row in found] == [
        ("complete", "mixed", 4, -1),
        ("quiet", "trades", 4, -1),
        ("gapped", "trades", 4, 10),
        ("official", "rest", 4, -1),
        ("incomplete", "rest", 1, -1),
    ]


def test_a_longer_candle_has_the_ids_of_its_first_and_last_part_though_ids_began_again(
    world: World,
) -> None:
    symbol = a_name()
    ids = [(500, 503), (504, 507), (0, 3), (4, 7)]
    quarters = [
        a_quarter(symbol, n, first_trade_id=first, last_trade_id=last)
        for n, (first, last) in enumerate(ids)
    ]
    world.put("candles", *quarters)

    found = in_order(world, "candles_1h", symbol, "first_trade_id, last_trade_id, trade_count")

    assert [tuple(row.values()) for row in found] == [(500, 7, 16)]


def test_a_candle_that_misses_trades_gives_way_to_the_exchanges(world: World) -> None:
    symbol = a_name()
    gapped = a_quarter(symbol, status="gapped", volume_e8=1)
    world.put("candles", gapped, a_quarter(symbol, 1, volume_e8=2), replace(gapped, revision=0))
    world.put("klines", a_kline(gapped, volume_e8=3), a_kline(a_quarter(symbol, 1)))

    found = in_order(world, "candles_best", symbol, "volume, source")

    assert [(_e8(row["volume"]), row["source"]) for row in found] == [(3, "rest"), (2, "trades")]


def test_of_the_exchanges_sources_the_most_trusted_is_taken(world: World) -> None:
    symbol, order = a_name(), ["rest", "archive-daily", "stream", "archive-monthly"]
    assert tuple(order) == SOURCES
    for n in range(len(order)):
        klines = [a_kline(a_quarter(symbol, n), s, volume_e8=i) for i, s in enumerate(order)]
        world.put("klines", *reversed(klines[n:]))

    found = in_order(world, "klines_best", symbol, "source, volume, sources")

    assert [row["source"] for row in found] == order
    assert [_e8(row["volume"]) for row in found] == [0, 1, 2, 3]
    assert [row["sources"] for row in found] == [4, 3, 2, 1]


def test_the_order_of_trust_is_written_once_in_the_store_and_once_in_the_code(world: World) -> None:
    symbol = a_name()
    world.put("klines", *(a_kline(a_quarter(symbol), source) for source in reversed(SOURCES)))

    ranked = world.rows(
        "SELECT source FROM klines WHERE symbol = {symbol:String} ORDER BY rank",
        symbol=symbol,
    )
    written = world.rows(
        "SELECT name FROM system.tables WHERE database = currentDatabase()"
        " AND position(create_table_query, {source:String}) > 0",
        source=SOURCES[1],
    )

    assert tuple(row["source"] for row in ranked) == SOURCES
    assert [row["name"] for row in written] == ["klines"]


def test_models_learn_from_the_candles_that_the_view_of_the_best_shows(world: World) -> None:
    symbol, minute_ms = a_name(), Interval.ONE_MINUTE.ms
    ours, klines = [], []
    for n, (status, *sources) in enumerate(EVERY_CLAIM):
        candle = replace(a_candle(open_ms=DAY + n * minute_ms), symbol=symbol)
        if status is not None:
            ours.append(replace(candle, status=status, price_variation_e16=n * VARIATION_E16))
        said = enumerate(filter(None, sources))
        klines += [a_kline(candle, source, close_e8=candle.low_e8 + i) for i, source in said]
    world.put("candles", *ours)
    world.put("klines", *klines)
    until_ms = DAY + len(EVERY_CLAIM) * minute_ms

    with History(world.settings) as history:
        learned = history.candles(symbol, from_ms=DAY, until_ms=until_ms)
        minutes = history.minutes(symbol, since_ms=[DAY], until_ms=until_ms)

    best = in_order(world, "candles_best", symbol, "open_time, source, status, close, revision")
    shown = [row for row in best if row["status"] != "gapped"]
    assert [(c.source, c.status, c.close_e8, c.revision) for c in learned] == [
        (row["source"], row["status"], _e8(row["close"]), row["revision"]) for row in shown
    ]
    assert minutes == [len(learned)]
    own = {(c.open_ms - DAY) // minute_ms: c for c in learned if c.source == "trades"}
    assert len(own) == 2 * 2 ** len(SOURCES)
    assert {n: c.price_variation_e16 for n, c in own.items()} == {n: n * VARIATION_E16 for n in own}


def test_sources_of_the_exchange_that_disagree_stand_beside_each_other(world: World) -> None:
    symbol = a_name()
    rest = [a_kline(a_quarter(symbol, n)) for n in range(3)]
    world.put("klines", *rest)
    world.put("klines", *(replace(k, source="archive-daily") for k in rest))
    world.put("klines", replace(rest[0], source="archive-monthly", high_e8=7, trade_count=8))
    world.put("klines", replace(rest[1], source="stream", first_trade_id=10, last_trade_id=13))

    found = in_order(world, "source_differences", symbol)

    assert [(row["source"], row["best_source"], row["differs"]) for row in found] == [
        ("archive-monthly", "rest", ["high", "trade_count"])
    ]
    assert (_e8(found[0]["high"]), _e8(found[0]["best_high"])) == (7, rest[0].high_e8)


def test_every_candle_has_the_status_that_the_comparison_gives_it(world: World) -> None:
    symbol = a_name()
    ours = [a_quarter(symbol, n) for n in range(5)]
    world.put("candles", *ours[:2], *(replace(c, status="gapped") for c in ours[2:4]), ours[4])
    world.put("klines", a_kline(ours[0]), a_kline(ours[1], close_e8=1), a_kline(ours[2]))
    world.put("klines", a_kline(a_quarter(symbol, 5), "stream"))

    found = in_order(world, "candles_verified", symbol)

    assert [(row["status"], row["source"]) for row in found] == [
        ("verified", "trades"),
        ("mismatch", "trades"),
        ("official", "rest"),
        ("gapped", "trades"),
        ("complete", "trades"),
        ("official", "stream"),
    ]
    assert _e8(found[1]["close"]) == ours[1].close_e8
    differing = in_order(world, "audit", symbol, "result, differs")
    assert [row["differs"] for row in differing if row["result"] == "mismatch"] == [["close"]]


def test_a_chart_reads_only_the_rows_that_it_shows(world: World) -> None:
    symbol, quarters = a_name(), 3 * 365 * 96
    world.writer.command(
        "INSERT INTO klines (symbol, interval, open_time, source) SELECT {symbol:String}, '15m', "
        "fromUnixTimestamp64Milli(toInt64(1600000000000 + number * 900000), 'UTC'), 'rest' "
        "FROM numbers({rows:UInt64})",
        parameters={"symbol": symbol, "rows": quarters},
    )
    plan = world.reader.query(
        "EXPLAIN indexes = 1 SELECT * FROM candles_4h WHERE symbol = {symbol:String} "
        "AND open_time >= toDateTime64('2022-03-01', 3, 'UTC') "
        "AND open_time < toDateTime64('2022-03-31', 3, 'UTC')",
        {"symbol": symbol},
    ).result_rows
    text = "\n".join(row[0] for row in plan).split("klines)")[1]
    read = [line.split("Granules: ")[1] for line in text.splitlines() if " Granules: " in line]

    assert int(read[-1].split("/")[0]) <= 3


def months_until_now(first_ms: int, interval: Interval) -> tuple[int, dict[str, int]]:
    """The end of the last candle closed a minute ago, and how many each month has by then."""
    end_ms = interval.open_of(int(time.time() * 1000) - GRACE_MS)
    counts: dict[str, int] = {}
    for ms in range(first_ms, end_ms, interval.ms):
        name = f"{_time(ms):%Y-%m-%d}"[:8] + "01"
        counts[name] = counts.get(name, 0) + 1
    return end_ms, counts


def settled(world: World, symbol: str, first_ms: int, interval: Interval) -> dict[str, Any]:
    """Read the months while no candle closes in between; their expected counts are checked."""
    while True:
        before = months_until_now(first_ms, interval)
        found = world.months(symbol)
        if months_until_now(first_ms, interval) == before:
            break
    assert {str(row["month"]): row["expected"] for row in found} == before[1]
    return {
        name: sum(row[name] for row in found)
        for name in found[0]
        if name not in ("symbol", "interval", "month")
    }


def days_ago(days: int) -> int:
    return Interval.ONE_DAY.open_of(int(time.time() * 1000)) - days * DAY_MS


def a_hole(
    symbol: str, kind: str, open_ms: int, close_ms: int, *, interval: str = "15m", **changes: int
) -> Hole:
    unknown = dict.fromkeys(("agg_id_before", "agg_id_after", "before_ms", "after_ms"), -1)
    return Hole(
        symbol=symbol,
        interval=interval,
        open_ms=open_ms,
        close_ms=close_ms,
        kind=kind,
        checked_ms=close_ms,
        reason="",
        **{**unknown, **changes},
    )


def test_what_is_missing_in_the_middle_and_at_the_end_is_counted(world: World) -> None:
    symbol, first = a_name(), days_ago(70)
    world.fill(symbol, Interval.FIFTEEN_MINUTES, first, first + 10 * DAY_MS)
    world.fill(symbol, Interval.FIFTEEN_MINUTES, first + 11 * DAY_MS, days_ago(0) - DAY_MS)

    sums = settled(world, symbol, first, Interval.FIFTEEN_MINUTES)

    assert sums["held"] == 96 * 68
    assert sums["missing"] == sums["expected"] - 96 * 68
    assert len(world.months(symbol)) in (3, 4)


def test_a_candle_that_came_from_many_sources_counts_once(world: World) -> None:
    symbol, first = a_name(), days_ago(2)
    candle = replace(a_quarter(symbol), open_ms=first, close_ms=first + QUARTER_MS)
    world.put("candles", candle, replace(candle, revision=2))
    world.put("klines", a_kline(candle), a_kline(candle, "stream"))

    sums = settled(world, symbol, first, Interval.FIFTEEN_MINUTES)

    assert (sums["held"], sums["verified"]) == (1, 1)


def test_official_holes_are_not_missing_and_unproven_ones_are_told_apart(world: World) -> None:
    symbol, first = a_name(), days_ago(3)
    hole, doubt = first + 10 * QUARTER_MS, first + 20 * QUARTER_MS
    world.fill(symbol, Interval.FIFTEEN_MINUTES, first, hole)
    world.fill(symbol, Interval.FIFTEEN_MINUTES, hole + 4 * QUARTER_MS, doubt)
    world.fill(symbol, Interval.FIFTEEN_MINUTES, doubt + 2 * QUARTER_MS, days_ago(-1))
    world.put(
        "holes",
        a_hole(symbol, "unproven", hole, hole + 3 * QUARTER_MS),
        a_hole(symbol, "official", hole, hole + 4 * QUARTER_MS),
        a_hole(symbol, "official", hole, hole + 5 * QUARTER_MS),  # one of it came later
        a_hole(symbol, "unproven", doubt, doubt + 2 * QUARTER_MS),
    )

    sums = settled(world, symbol, first, Interval.FIFTEEN_MINUTES)

    assert (sums["official_holes"], sums["unproven_holes"], sums["missing"]) == (4, 2, 0)


def test_candles_off_the_grid_and_those_after_the_last_trade_are_not_missing(world: World) -> None:
    symbol, first = a_name(), days_ago(3)
    odd, end = first + 10 * QUARTER_MS, first + DAY_MS
    world.fill(symbol, Interval.FIFTEEN_MINUTES, first, odd)
    world.fill(symbol, Interval.FIFTEEN_MINUTES, odd + 4 * QUARTER_MS, end)
    world.put(
        "holes",
        a_hole(symbol, "official", odd, odd + QUARTER_MS),
        a_hole(symbol, "irregular", odd, odd + 4 * QUARTER_MS),
        a_hole(symbol, "ended", end, days_ago(-1)),
    )

    sums = settled(world, symbol, first, Interval.FIFTEEN_MINUTES)

    assert (sums["official_holes"], sums["irregular_holes"], sums["missing"]) == (1, 3, 0)
    assert sums["ended_holes"] == sums["expected"] - 96


def test_a_day_has_the_same_holes_however_many_days_are_asked_for(world: World) -> None:
    symbol, today = a_name(), days_ago(0)
    world.put("candles", *(a_quarter(a_name(), (today - DAY) // QUARTER_MS + n) for n in range(3)))
    begun, ended = days_ago(2) + 88 * QUARTER_MS, days_ago(1) + 12 * QUARTER_MS
    world.put(
        "holes",
        a_hole(symbol, "official", begun, ended),
        a_hole(symbol, "ended", days_ago(9), days_ago(2) + 4 * QUARTER_MS),
    )

    def holes_by_day(days: int) -> dict[str, int]:
        bound = {"symbols": [symbol], "interval": "15m", "days": days, "length_ms": QUARTER_MS}
        found = world.reader.query(DAYS, bound).named_results()
        return {row["day"]: row["official_holes"] for row in found}

    long, short, shortest = holes_by_day(12), holes_by_day(3), holes_by_day(2)
    assert {day: long[day] for day in short} == short
    assert {day: long[day] for day in shortest} == shortest
    assert sorted(short.values()) == [12, 12]
    assert sum(long.values()) == 7 * 96 + 4 + 8 + 12


def completeness_by_day(world: World, symbol: str, *, days: int) -> list[dict[str, Any]]:
    """The rows of the API's completeness by day, oldest first; none counts a candle twice."""
    bound = {"symbols": [symbol], "interval": "15m", "days": days, "length_ms": QUARTER_MS}
    counts = [*world.reader.query(DAYS, bound).named_results()]
    firsts = {row["symbol"]: row["first_ms"] for row in world.rows(FIRSTS, **bound)}
    rows: list[dict[str, Any]] = [*day_rows(counts, firsts, days=days, length_ms=QUARTER_MS)]
    for row in rows:
        told = (row[name] for name in ("held", "gapped", "official_holes", "missing"))
        assert row["expected"] == sum(told)
    return rows


def test_a_day_counts_what_is_held_or_gapped_in_its_holes_once(world: World) -> None:
    symbol, day = a_name(), days_ago(1)
    first = (day - DAY) // QUARTER_MS
    halt, end = day + 20 * QUARTER_MS, day + 60 * QUARTER_MS
    quiet = [a_quarter(symbol, first + n, status="quiet", trade_count=0) for n in range(20, 50)]
    gapped = [a_quarter(symbol, first + n, status="gapped") for n in (55, 90)]
    world.put("candles", *quiet, *gapped)
    world.fill(symbol, Interval.FIFTEEN_MINUTES, day, halt)
    world.fill(symbol, Interval.FIFTEEN_MINUTES, end, day + 84 * QUARTER_MS)
    world.put(
        "holes",
        a_hole(symbol, "official", halt, end),
        a_hole(symbol, "irregular", end - 4 * QUARTER_MS, end),
    )

    yesterday, _ = completeness_by_day(world, symbol, days=2)

    assert (yesterday["held"], yesterday["official_holes"]) == (20 + 30 + 24, 10)
    assert (yesterday["gapped"], yesterday["missing"]) == (1, 11)


def test_a_hole_before_the_first_candle_hides_nothing_that_is_missing(world: World) -> None:
    symbol, day = a_name(), days_ago(1)
    world.put("holes", a_hole(symbol, "official", day, day + 10 * QUARTER_MS))
    world.fill(symbol, Interval.FIFTEEN_MINUTES, day + 10 * QUARTER_MS, day + 80 * QUARTER_MS)

    yesterday, _ = completeness_by_day(world, symbol, days=2)

    assert (yesterday["expected"], yesterday["missing"]) == (96, 16)


@pytest.mark.parametrize("known", ["candles of a year ago", "the listing"])
def test_days_of_which_nothing_is_known_are_missing_as_in_their_month(
    world: World, known: str
) -> None:
    symbol, listed = a_name(), days_ago(370)
    if known == "the listing":
        world.put("holes", a_hole(symbol, "unlisted", days_ago(400), listed, after_ms=listed + 5))
    else:
        world.fill(symbol, Interval.FIFTEEN_MINUTES, listed, listed + DAY_MS)

    before, yesterday, _ = completeness_by_day(world, symbol, days=3)
    months = {row["month"].isoformat()[:7]: row for row in world.months(symbol)}

    assert [(day["expected"], day["missing"]) for day in (before, yesterday)] == [(96, 96)] * 2
    assert months[yesterday["day"][:7]]["missing"] > 0
    assert len(completeness_by_day(world, symbol, days=400)) == 371


def test_a_symbol_of_which_nothing_is_known_at_all_has_neither_days_nor_months(
    world: World,
) -> None:
    symbol = a_name()

    assert completeness_by_day(world, symbol, days=3) == []
    assert world.months(symbol) == []


def test_no_day_calls_missing_what_lies_behind_the_end_of_trading(world: World) -> None:
    halted, traded, day = a_name(), a_name(), days_ago(3)
    for symbol in (halted, traded):
        world.fill(symbol, Interval.FIFTEEN_MINUTES, day, day + 40 * QUARTER_MS)
    last_trade_ms = day + 41 * QUARTER_MS + 5  # the candle before is missing, and its own
    world.put(
        "symbol_changes",
        a_choice(halted, ChosenBy.SETTING, day, status="BREAK", since_ms=last_trade_ms),
        a_choice(traded, ChosenBy.SETTING, day, status="TRADING"),
    )

    missing = {
        symbol: [row["missing"] for row in completeness_by_day(world, symbol, days=4)]
        for symbol in (halted, traded)
    }

    assert missing[halted] == [2, 0, 0, 0][: len(missing[halted])]
    assert missing[traded][:3] == [56, 96, 96]


def test_nothing_is_expected_before_a_symbol_was_listed_but_all_after(world: World) -> None:
    symbol, listed = a_name(), days_ago(3)
    world.put(
        "holes",
        a_hole(symbol, "unlisted", days_ago(90), days_ago(60), after_ms=listed + 5),
        a_hole(symbol, "unlisted", days_ago(60), listed, after_ms=listed + 5),
    )
    world.fill(symbol, Interval.FIFTEEN_MINUTES, listed + DAY_MS, days_ago(-1))

    sums = settled(world, symbol, listed, Interval.FIFTEEN_MINUTES)

    assert sums["missing"] == 96


def test_a_predictor_waits_for_no_history_that_will_not_come(world: World) -> None:
    until_ms = days_ago(0)
    begun_ms = until_ms - DAY_MS + 29 * 60_000  # the backfill began after the first live candle

    def look(symbol: str, since: str) -> Stored:
        backfill = BackfillSettings(since=since)
        stock = Stock(Settings(clickhouse=world.settings, backfill=backfill))
        return asyncio.run(stock.look(symbol, until_ms))

    old, young = a_name(), a_name()
    for symbol in (old, young):
        world.fill(symbol, Interval.ONE_MINUTE, begun_ms, until_ms)
    listing = a_hole(young, "unlisted", days_ago(9), begun_ms, interval="1m", after_ms=begun_ms)
    world.put("holes", listing)

    assert not look(old, "2017-08-01").is_recent
    assert not look(old, "2d").is_recent
    assert look(old, "1d").is_recent
    assert look(old, "1d").is_all
    assert look(young, "2017-08-01").is_recent
    assert look(young, "2017-08-01").is_all


def test_gapped_candles_are_missing_and_different_ones_are_counted(world: World) -> None:
    symbol, first = a_name(), days_ago(1)
    ours = [
        replace(
            a_quarter(symbol),
            open_ms=first + n * QUARTER_MS,
            close_ms=first + (n + 1) * QUARTER_MS,
        )
        for n in range(4)
    ]
    gapped = [replace(c, status="gapped") for c in ours[2:]]
    world.put("candles", *ours[:2], *gapped)
    world.put("klines", a_kline(ours[0]), a_kline(ours[1], low_e8=1), a_kline(ours[2]))

    sums = settled(world, symbol, first, Interval.FIFTEEN_MINUTES)

    assert (sums["held"], sums["gapped"]) == (3, 1)
    assert (sums["verified"], sums["mismatched"]) == (1, 1)


def test_the_command_says_by_its_exit_code_whether_something_is_missing(world: World) -> None:
    whole, holed = a_name(), a_name()
    world.fill(whole, Interval.FIFTEEN_MINUTES, days_ago(3), days_ago(-1))
    world.fill(holed, Interval.FIFTEEN_MINUTES, days_ago(3), days_ago(2))

    good = world.run("completeness", "--symbol", whole.lower(), "--interval", "15m")
    bad = world.run("completeness", "--symbol", holed, "--json")

    assert (good.exit_code, bad.exit_code) == (0, 1)
    assert whole in good.stdout
    assert "nothing is missing" in good.stdout
    lines = [json.loads(line) for line in bad.stdout.splitlines()]
    assert sum(line["held"] for line in lines) == 96
    assert {line["symbol"] for line in lines} == {holed}
    with pytest.raises(CandlewickError, match="no candle of NOBODY 1m is stored"):
        world.run("completeness", "--symbol", "nobody", "--interval", "1m")
    for command, unknown in (("completeness", "7m"), ("completeness", "1s"), ("audit", "1s")):
        with pytest.raises(CandlewickError, match="unknown interval"):
            world.run(command, "--interval", unknown)


def ttls(world: World) -> Mapping[str, str]:
    return {size.table: size.ttl for size in read_table_sizes(world.reader)}


def test_tables_keep_rows_as_long_as_is_set_and_are_changed_only_where_needed(
    world: World,
) -> None:
    usual = LifecycleSettings()
    apply_lifecycle(world.settings, usual)
    assert apply_lifecycle(world.settings, usual) == []
    assert {n: t for n, t in ttls(world).items() if n in wanted_ttls(usual)} == wanted_ttls(usual)

    other = LifecycleSettings(trades_days=7, candles_recompress_days=0, predictions_days=400)
    changed = ["trades", "candles", "klines", "candle_revisions", "predictions", "scores"]
    assert apply_lifecycle(world.settings, other) == changed
    assert ttls(world)["klines"] == ""
    assert "toIntervalDay(7)" in ttls(world)["trades"]
    assert "toIntervalDay(400)" in ttls(world)["scores"]
    assert ttls(world)["predictions"].count("toIntervalDay") == 2  # with those for display

    shown = world.run("migrate").stdout
    assert "changed how long rows are kept in trades, candles, klines" in shown
    assert "up to date" in world.run("migrate").stdout


def test_measures_and_dead_letters_tell_what_time_they_cover(world: World) -> None:
    rows = "SELECT number, now64(3) - number * 60 FROM numbers(3)"
    world.writer.command(f"INSERT INTO pipeline_measures (value, measured_time) {rows}")
    world.writer.command(f"INSERT INTO dead_letters (offset, letter_time) {rows}")

    covered = {size.table: size.covers_ms for size in read_table_sizes(world.reader)}
    assert covered["pipeline_measures"] == covered["dead_letters"] == 120_000


def test_trades_older_than_is_set_are_gone_after_a_merge(world: World) -> None:
    symbol, now = a_name(), datetime.now(UTC).timestamp()
    apply_lifecycle(world.settings, LifecycleSettings())
    stored = [datetime.fromtimestamp(now - days * 86_400, UTC) for days in (29, 31)]
    world.writer.insert(
        "trades",
        [(symbol, n, stored[0], when) for n, when in enumerate(stored)],
        column_names=["symbol", "agg_id", "event_time", "stored_time"],
    )

    world.writer.command("OPTIMIZE TABLE trades FINAL")

    query = "SELECT agg_id FROM trades WHERE symbol = {symbol:String}"
    assert [row["agg_id"] for row in world.rows(query, symbol=symbol)] == [0]


def test_the_audit_forgets_a_day_with_its_last_candle(world: World) -> None:
    """Else every candle of the exchange since then would count as one that we lack."""
    first, old = datetime(2015, 1, 1, tzinfo=UTC), datetime.now(UTC) - timedelta(days=400)
    world.writer.insert(
        "candles",
        [(a_name(), "15m", first, "complete", 1, "trades", old)],
        column_names=[
            *("symbol", "interval", "open_time", "status", "revision", "source", "stored_time")
        ],
    )
    held = "SELECT count() AS days FROM candle_days WHERE day = '2015-01-01'"
    assert world.rows(held) == [{"days": 1}]

    apply_lifecycle(world.settings, LifecycleSettings(candles_days=365))
    for table in ("candles", "candle_days"):
        world.writer.command(f"OPTIMIZE TABLE {table} FINAL")
    apply_lifecycle(world.settings, LifecycleSettings())

    assert world.rows(held) == [{"days": 0}]


def test_every_table_is_shown_with_what_it_holds_and_how_long(world: World) -> None:
    symbol = a_name()
    world.put("candles", a_quarter(symbol, -96 * 400))
    apply_lifecycle(world.settings, LifecycleSettings())

    lines = [json.loads(line) for line in world.run("lifecycle", "--json").stdout.splitlines()]
    tables = {line["table"]: line for line in lines}

    assert {"trades", "candles", "candles_live", "klines", "gaps", "holes"} <= set(tables)
    assert tables["candles"]["oldest_time"] == iso(DAY - 400 * DAY_MS)
    assert tables["candles"]["rows"] > 0
    assert tables["candles"]["bytes"] > 0
    assert tables["candles_live"]["newest_time"] is None
    text = world.run("lifecycle", CANDLEWICK_LIFECYCLE__TRADES_DAYS="5").stdout
    assert "30 days" in text
    assert "ZSTD(6) after 7 days" in text
    assert "the settings differ for trades" in text


def a_market(symbol: str, days: int = 1, *, seed: int = 7, places: int = 8) -> list[Candle]:
    """Whole days of minutes; prices have three decimals, prices and volumes so many."""
    chance, step = random.Random(seed), 10 ** (11 - places)
    return [
        replace(
            a_candle(open_ms=DAY + n * 60_000),
            symbol=symbol,
            open_e8=chance.randrange(10**5, 2 * 10**5) * 10**5,
            high_e8=3 * 10**10,
            low_e8=chance.randrange(1, 10**5) * 10**5,
            close_e8=chance.randrange(10**5, 2 * 10**5) * 10**5,
            volume_e8=chance.randrange(10**6) * step,
            quote_volume_e8=chance.randrange(10**16),
            taker_buy_volume_e8=chance.randrange(10**6) * step,
            taker_buy_quote_volume_e8=chance.randrange(10**16),
        )
        for n in range(days * 1440)
    ]


def digests(world: World, symbol: str) -> list[DayDigest]:
    query = (
        "SELECT symbol, toString(day) AS day, candles, sha256 FROM day_digests "
        "WHERE symbol = {symbol:String} ORDER BY day"
    )
    return [DayDigest(**row) for row in world.rows(query, symbol=symbol)]


@pytest.mark.parametrize("places", [8, 9, 10])
def test_the_store_and_python_compute_one_digest(world: World, places: int) -> None:
    symbol = a_name()
    minutes = a_market(symbol, days=2, places=places, seed=places)
    world.put("candles", *minutes)

    found = digests(world, symbol)

    assert (",," in canonical(minutes)) == (places > 8)
    assert found == list(day_digests(minutes))
    assert all(day.sha256 for day in found)


def test_the_sql_of_the_documents_computes_the_digest(world: World) -> None:
    symbol = a_name()
    minutes = [replace(a_candle(open_ms=DAY + n * 60_000), symbol=symbol) for n in range(1440)]
    world.put("candles", *minutes)

    (row,) = world.rows(code_of("proof.md", "sql"), symbol=symbol, day="2023-11-15")

    (digest,) = day_digests(minutes)
    assert list(row.values()) == [1440, digest.sha256]


def test_a_day_of_trades_and_of_archives_has_one_digest_until_a_candle_differs(
    world: World,
) -> None:
    ours, theirs = a_name(), a_name()
    minutes = a_market(ours)
    mixed = [replace(c, status="gapped", close_e8=c.open_e8) for c in minutes[:700]]
    world.put("candles", *mixed, *minutes[700:])
    world.put("klines", *(a_kline(c, "archive-daily") for c in minutes[:700]))
    world.put("klines", *(a_kline(c, "archive-monthly", symbol=theirs) for c in minutes))

    (live,), (copied,) = digests(world, ours), digests(world, theirs)

    assert live.candles == copied.candles == 1440
    assert live.sha256 == copied.sha256 == next(day_digests(minutes)).sha256
    corrected = replace(minutes[9], symbol=theirs, trade_count=5)
    world.put("klines", a_kline(corrected, "rest"))
    assert digests(world, theirs)[0].sha256 != live.sha256


def test_a_day_with_a_missing_or_gapped_minute_or_an_outage_has_no_digest(world: World) -> None:
    symbol = a_name()
    minutes = a_market(symbol, days=4)
    minutes[1440] = replace(minutes[1440], status="gapped")
    outage = DAY + 3 * DAY_MS + 60_000
    hole = Hole(symbol, "1m", outage, outage + 60_000, "official", 1, 2, outage, outage, DAY, "x")
    world.put("candles", *minutes[:1439], *minutes[1440:])
    world.put("holes", hole)

    found = digests(world, symbol)

    assert [day.candles for day in found] == [1439, 1439, 1440, 1440]
    assert [day.sha256 is None for day in found] == [True, True, False, True]


def test_the_command_shows_the_days_that_are_asked_for(world: World) -> None:
    symbol = a_name()
    minutes = a_market(symbol, days=3)
    world.put("candles", *minutes)
    asked = ("completeness", "--digest", "--symbol", symbol.lower())

    shown = world.run(*asked, "--json")
    some = world.run(*asked, "--from", "2023-11-16", "--to", "2023-11-17")

    assert [DayDigest(**json.loads(line)) for line in shown.stdout.splitlines()] == list(
        day_digests(minutes)
    )
    assert [line.split()[1] for line in some.stdout.splitlines()] == ["day", "2023-11-16"]
    with pytest.raises(ConfigurationError, match="no 1m candle"):
        world.run(*asked, "--from", "2024-01-01")
    with pytest.raises(ConfigurationError, match="days of --digest"):
        world.run("completeness", "--from", "2024-01-01")


def chained(symbol: str, counts: list[int], start_ms: int = DAY) -> list[Candle]:
    """Minutes with so many trades each, whose ids follow each other; without any, it is quiet."""
    found, next_id = [], 500
    for n, fills in enumerate(counts):
        ids = (next_id, next_id + fills - 1) if fills else (-1, -1)
        candle = replace(a_candle(open_ms=start_ms + n * 60_000), symbol=symbol, trade_count=fills)
        status = "complete" if fills else "quiet"
        found.append(replace(candle, first_trade_id=ids[0], last_trade_id=ids[1], status=status))
        next_id += fills
    return found


def breaks(world: World, symbol: str) -> list[tuple[int, int, int]]:
    """Minute, first trade and due trade."""
    query = (
        "SELECT intDiv(toUnixTimestamp64Milli(open_time) - {day:Int64}, 60000) AS minute, "
        "first_trade_id, due_trade_id FROM trade_id_breaks WHERE symbol = {symbol:String}"
    )
    return [tuple(row.values()) for row in world.rows(query, symbol=symbol, day=str(DAY))]  # type: ignore[misc]


def moved(candle: Candle, by: int) -> Candle:
    first, last = candle.first_trade_id + by, candle.last_trade_id + by
    return replace(candle, first_trade_id=first, last_trade_id=last)


@pytest.mark.parametrize(
    ("by", "minute"), [(1, 5), (-1, 5), (9, 1)], ids=["missing", "twice", "behind a quiet one"]
)
def test_a_candle_whose_first_trade_is_not_the_one_that_was_due_is_found(
    world: World, by: int, minute: int
) -> None:
    symbol = a_name()
    candles = chained(symbol, [3, 0, 2, 4, 0, 0, 6, 1])
    at = {5: 6, 1: 2}[minute]  # the next with trades, behind quiet ones
    wrong = [*candles[:at], *(moved(c, by) if c.trade_count else c for c in candles[at:])]
    world.put("candles", *candles)
    assert breaks(world, symbol) == []

    world.put("candles", *(replace(candle, revision=2) for candle in wrong))

    due = candles[at].first_trade_id
    assert breaks(world, symbol) == [(at, due + by, due)]
    run = world.run("audit", "--symbol", symbol)
    assert run.exit_code == 1
    assert f"{due} was due" in " ".join(run.stdout.split())


def test_where_candles_are_missing_or_gapped_no_trade_is_due(world: World) -> None:
    symbol = a_name()
    candles = chained(symbol, [3, 2, 4, 1, 6, 1])
    gapped = replace(candles[1], status="gapped", trade_count=1)
    later = [moved(candle, 7) for candle in candles[4:]]
    world.put("candles", candles[0], gapped, moved(candles[2], 2), *later)

    assert breaks(world, symbol) == []


def test_days_proven_from_before_our_time_are_compared_and_those_between_are_not(
    world: World,
) -> None:
    symbol, early = a_name(), DAY - 900 * DAY_MS  # before all that this store has lived through
    opens = [early + n * QUARTER_MS for n in range(3)]
    ours = [replace(a_quarter(symbol), open_ms=ms, close_ms=ms + QUARTER_MS) for ms in opens]
    proven = [
        replace(ours[0], revision=PROVEN_REVISION + 1),
        replace(ours[1], revision=0, status="gapped"),
    ]
    world.put("candles", *proven)
    world.put("klines", *(a_kline(candle) for candle in ours))
    world.put(
        "klines",
        a_kline(replace(ours[0], open_ms=early + DAY_MS, close_ms=early + DAY_MS + QUARTER_MS)),
    )

    found = in_order(world, "audit", symbol, "result")

    assert [row["result"] for row in found] == ["verified", "gapped"]


def test_what_is_proven_beats_what_was_live_and_lacked_trades_and_never_the_other_way(
    world: World,
) -> None:
    symbol = a_name()
    live = [a_quarter(symbol, n, revision=40) for n in range(2)]
    world.put("candles", replace(live[0], status="gapped"), live[1])
    replays = (replace(live[0], revision=1), replace(live[1], status="gapped", revision=3))

    world.put("candles", *map(ranked, replays))

    assert [row["status"] for row in in_order(world, "candles FINAL", symbol)] == ["complete"] * 2


def test_weeks_open_on_monday_and_five_minutes_are_made_from_minutes(world: World) -> None:
    symbol, monday_ms = a_name(), 1_700_438_400_000  # 2023-11-20
    world.fill(symbol, Interval.FIFTEEN_MINUTES, monday_ms - DAY_MS, monday_ms + 8 * DAY_MS)
    world.fill(symbol, Interval.ONE_MINUTE, monday_ms, monday_ms + 12 * 60_000)

    weeks = in_order(world, "candles_1w", symbol, "open_time, close_time, parts, status")
    fives = in_order(world, "candles_5m", symbol, "open_time, parts, status")

    assert [_ms(row["open_time"]) for row in weeks] == [
        monday_ms + shift * DAY_MS for shift in (-7, 0, 7)
    ]
    assert [(_ms(row["close_time"]) - _ms(row["open_time"])) // DAY_MS for row in weeks] == [7] * 3
    assert [(row["parts"], row["status"]) for row in weeks] == [
        (96, "incomplete"),
        (672, "official"),
        (96, "incomplete"),
    ]
    assert [(row["parts"], row["status"]) for row in fives] == [
        (5, "official"),
        (5, "official"),
        (2, "incomplete"),
    ]


def test_week_of_a_symbol_reads_only_its_rows(world: World) -> None:
    begin, end = _time(DAY), _time(DAY + 7 * DAY_MS)
    symbol = a_name()
    world.fill(symbol, Interval.FIFTEEN_MINUTES, DAY - 400 * DAY_MS, DAY + 20 * DAY_MS)
    asked = (
        "SELECT count() FROM candles_1w WHERE symbol = {symbol:String} "
        "AND open_time >= {begin:DateTime64(3, 'UTC')} AND open_time < {end:DateTime64(3, 'UTC')}"
    )

    found = world.reader.query(asked, {"symbol": symbol, "begin": begin, "end": end})

    assert int(found.summary["read_rows"]) < 420 * 96 / 2


def a_choice(symbol: str, by: ChosenBy, at_ms: int, **changes: object) -> SymbolChoice:
    made = by_hand(symbol, is_followed=True, now_ms=at_ms, reason="")
    return replace(made, chosen_by=by.value, **changes)  # type: ignore[arg-type]


def test_symbols_are_what_a_hand_says_and_trade_as_the_exchange_says(world: World) -> None:
    hand, setting, names = ChosenBy.HAND, ChosenBy.SETTING, [a_name() for _ in range(3)]
    halted = {"status": "BREAK", "since_ms": DAY}
    world.put(
        "symbol_changes",
        a_choice(names[0], setting, DAY, status="TRADING"),
        a_choice(names[0], setting, DAY + 2, **halted),
        a_choice(names[1], setting, DAY + 5, status="TRADING"),
        a_choice(names[1], hand, DAY + 1, is_followed=False),
        a_choice(names[2], hand, DAY, is_followed=False),
        a_choice(names[2], hand, DAY + 1),
    )

    query = (
        "SELECT is_followed, chosen_by, status, toUnixTimestamp64Milli(not_trading_since) "
        "FROM symbols_now "
        "WHERE symbol IN {names:Array(String)} ORDER BY symbol"
    )
    found = world.reader.query(query, {"names": sorted(names)}).result_rows

    assert [tuple(row) for row in found] == [
        (True, "setting", "BREAK", DAY),
        (False, "hand", "TRADING", None),
        (True, "hand", "", None),
    ]


def told_of(world: World, symbol: str) -> tuple[str, int | None]:
    """How a symbol is traded, and the time of its last trade if it is not."""
    query = (
        "SELECT status, toUnixTimestamp64Milli(not_trading_since) AS since FROM symbols_now "
        "WHERE symbol = {symbol:String}"
    )
    (row,) = world.rows(query, symbol=symbol)
    return row["status"], row["since"]


def test_a_symbol_trades_as_was_told_last_though_a_clock_was_ahead_before(world: World) -> None:
    symbol, setting, ahead = a_name(), ChosenBy.SETTING, DAY + 3_600_000
    halted = a_choice(symbol, setting, ahead, status="BREAK", since_ms=DAY)
    world.put("symbol_changes", halted)
    before = told_of(world, symbol)

    world.put("symbol_changes", a_choice(symbol, setting, DAY + 60_000, status="TRADING"))

    assert before == ("BREAK", DAY)
    assert told_of(world, symbol) == ("TRADING", None)


def test_a_second_halt_has_no_time_before_it_is_known(world: World) -> None:
    symbol, setting = a_name(), ChosenBy.SETTING
    world.put(
        "symbol_changes",
        a_choice(symbol, setting, DAY, status="BREAK", since_ms=DAY),
        a_choice(symbol, setting, DAY + 1, status="TRADING"),
        a_choice(symbol, setting, DAY + 2, status="HALT"),
    )

    assert told_of(world, symbol) == ("HALT", None)


def test_candles_after_the_end_of_trading_are_not_missing(world: World) -> None:
    symbol, length_ms = a_name(), Interval.FIFTEEN_MINUTES.ms
    now_ms = time.time_ns() // 1_000_000
    end_ms = (now_ms - 40 * DAY_MS) // length_ms * length_ms
    world.fill(symbol, Interval.FIFTEEN_MINUTES, end_ms - DAY_MS, end_ms - 2 * length_ms)
    last_trade_ms = end_ms - length_ms + 5  # the candle that opens one length before is missing
    before = world.months(symbol)

    world.put(
        "symbol_changes",
        a_choice(symbol, ChosenBy.SETTING, now_ms, status="BREAK", since_ms=last_trade_ms),
    )

    months = world.traded_months(symbol)
    assert sum(row["missing"] for row in before) > 39 * 96
    assert sum(row["missing"] for row in months) == 2
    assert sum(row["held"] for row in months) == 94
    assert sum(row["expected"] - row["ended_holes"] for row in months) == 96
    assert {_ms(row["not_trading_since"]) for row in months} == {last_trade_ms}
    said = world.run("completeness", "--symbol", symbol).stdout
    assert f"{symbol}: not trading since {_time(last_trade_ms):%Y-%m-%d %H:%M:%S} UTC" in said
    lines = world.run("completeness", "--symbol", symbol, "--json").stdout.splitlines()
    assert {json.loads(line)["not_trading_since_time"] for line in lines} == {iso(last_trade_ms)}


@pytest.mark.parametrize("quiet_days", [0, 2, 38])
@pytest.mark.parametrize("has_hole", [False, True])
def test_candles_missing_before_the_end_of_trading_are_counted_whatever_lies_behind_it(
    world: World, *, quiet_days: int, has_hole: bool
) -> None:
    symbol, interval, end_ms = a_name(), Interval.FIFTEEN_MINUTES, days_ago(40)
    world.fill(symbol, interval, end_ms - 3 * DAY_MS, end_ms - 2 * DAY_MS)  # two days are missing
    first = (end_ms - DAY) // QUARTER_MS
    still = {"status": "quiet", "trade_count": 0}
    quiet = [a_quarter(symbol, first + n, **still) for n in range(quiet_days * 96)]
    world.put("candles", *quiet)
    if has_hole:
        world.put("holes", a_hole(symbol, "ended", end_ms + DAY_MS, days_ago(3)))
    world.put(
        "symbol_changes",
        a_choice(symbol, ChosenBy.SETTING, end_ms, status="BREAK", since_ms=end_ms - 5),
    )

    months = world.traded_months(symbol)

    assert sum(row["missing"] for row in months) == 2 * 96
    assert sum(row["held"] for row in months) == (1 + quiet_days) * 96
    for row in months:
        kinds = ("held", "official_holes", "unproven_holes", "irregular_holes", "ended_holes")
        assert row["expected"] == sum(row[name] for name in (*kinds, "missing"))


def test_what_ended_before_the_first_candle_that_is_held_is_no_part_of_its_month(
    world: World,
) -> None:
    symbol, end_ms = a_name(), days_ago(40)
    first = (end_ms + DAY_MS - DAY) // QUARTER_MS
    world.put("candles", *(a_quarter(symbol, first + n, status="quiet") for n in range(96)))
    world.put(
        "symbol_changes",
        a_choice(symbol, ChosenBy.SETTING, end_ms, status="BREAK", since_ms=end_ms - 5),
    )

    assert {row["missing"] for row in world.traded_months(symbol)} == {0}


def test_symbol_of_another_script_is_stored_and_found(world: World) -> None:
    symbol = "币安人生USDT"
    world.put("candles", *(a_quarter(symbol, n) for n in range(4)))

    (hour,) = in_order(world, "candles_1h", symbol, "symbol, parts")

    assert (hour["symbol"], hour["parts"]) == (symbol, 4)


def test_history_says_since_when_a_young_symbol_is_traded(world: World) -> None:
    young, old = a_name(), a_name()
    hole = Hole(young, "1m", DAY, DAY + DAY_MS, "unlisted", -1, 0, -1, DAY + DAY_MS, DAY, "")
    world.put("holes", hole, replace(hole, symbol=old, kind="official"))

    with History(world.settings) as history:
        assert history.listed_ms(young) == DAY + DAY_MS
        assert history.listed_ms(old) == 0


def _ms(moment: datetime) -> int:
    return int(moment.replace(tzinfo=UTC).timestamp() * 1000)


def test_what_a_trade_was_worth_is_exact_and_does_not_overflow(world: World) -> None:
    dear = [
        ("9999999999.99999999", "9999999999.99999999"),
        ("60000.1", "8000"),
        ("0.00000001",) * 2,
    ]
    rows = [
        ("DEARUSDT", number, Decimal(price), Decimal(quantity), datetime.now(UTC))
        for number, (price, quantity) in enumerate(dear)
    ]
    names = ["symbol", "agg_id", "price", "quantity", "event_time"]
    world.writer.insert("trades", rows, column_names=names)

    asked = "SELECT quote FROM trades WHERE symbol = 'DEARUSDT' ORDER BY agg_id"
    found = [row["quote"] for row in world.rows(asked)]
    with localcontext(prec=60):
        assert found == [Decimal(price) * Decimal(quantity) for price, quantity in dear]
