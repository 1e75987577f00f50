"""15m candles against their 1m candles, on real days: found, fetched again, and kept.

After binance-public-data 475: rows of one file that differ from those of another.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import pytest

from producers.history.contradictions import Ask, Contradiction
from schemas.history import Hole
from schemas.market import Candle
from schemas.settings import ClickHouseSettings
from sinks.clickhouse import ClickHouse
from sinks.history_rows import hole_row
from sinks.rows import candle_row
from sinks.tables import TABLES
from tests.support.backfilling import DATA, Past, sinks, store_environment
from tests.support.builders import a_candle
from tests.support.servers import (
    RunningClickHouse,
    running_clickhouse,
    running_exchange,
    running_kafka,
)

MAY = 1_652_313_600_000  # 2022-05-12
NOVEMBER = 1_667_952_000_000  # 2022-11-09
MINUTE_MS = 60_000
DEADLINE_S = 60.0


@dataclass(frozen=True, slots=True)
class World:
    past: Past
    store: RunningClickHouse

    @property
    def environment(self) -> dict[str, str]:
        reader = {"USER": self.store.reader, "PASSWORD": self.store.reader_password}
        login = {f"CANDLEWICK_CLICKHOUSE__READER_{name}": value for name, value in reader.items()}
        return self.past.environment | store_environment(self.store) | login | {"COLUMNS": "200"}

    def run(self, *arguments: str) -> list[str]:
        """Run a command of `candlewick`, and return the lines that it prints."""
        process = subprocess.run(
            [sys.executable, "-m", "candlewick", *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            timeout=DEADLINE_S,
            check=False,
            text=True,
        )
        return process.stdout.splitlines()

    def backfill(self, symbol: str, day: str) -> list[str]:
        """Backfill a real day from archives, and return what is told of the comparison."""
        after = day[:-2] + f"{int(day[-2:]) + 1:02}"
        span = ("--symbols", symbol, "--from", day, "--to", after, "--source", "archive")
        return self.run("backfill", *span)[3:]

    def checks(self, symbol: str) -> dict[str, tuple[int, int, str]]:
        query = "SELECT state, compared, differing, reason FROM cross_checks FINAL WHERE symbol = "
        with self.store.client(database="candlewick") as client:
            rows = client.query(f"{query}'{symbol}'").result_rows
        return {row[0]: tuple(row[1:]) for row in rows}

    def holds_two_days(self, symbol: str) -> bool:
        query = "SELECT uniqExact(interval, open_time) >= 3840 FROM klines WHERE symbol = "
        with self.store.client(database="candlewick") as client:
            return bool(client.query(f"{query}'{symbol}'").result_rows[0][0])

    def differing(self, symbol: str) -> list[tuple[str, int, int]]:
        """What `completeness` shows of a symbol's first month: interval, compared, differing."""
        months = map(json.loads, self.run("completeness", "--json", "--symbol", symbol))
        found = {
            m["interval"]: (m["interval"], m["compared"], m["differing"])
            for m in months
            if m["compared"]
        }
        return list(found.values())


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("checks")
    archives = {"archives": str(DATA / "archives"), "start": "2022-11-20T12:00:00Z"}
    with (
        running_exchange(**archives) as market,
        running_kafka(folder / "kafka") as kafka,
        running_clickhouse(folder / "clickhouse") as store,
    ):
        past = Past(kafka, market, folder)
        past.create_topics()
        with sinks(past, store):
            yield World(past, store)


@pytest.fixture
def wrong(world: World) -> Iterator[Callable[..., None]]:
    """Let one minute be wrong: its volume, and a trade more."""

    def arm(symbol: str, where: str, open_ms: int) -> None:
        fault = {"kind": "klines", "symbol": symbol, "interval": "1m", "where": where}
        fault |= {"how": "wrong", "by": 100, "first_ms": open_ms, "last_ms": open_ms}
        world.past.exchange.admin("POST", "faults", fault)

    yield arm
    world.past.exchange.admin("DELETE", "faults")


def test_one_wrong_row_of_a_real_day_is_found_and_fetched_again(
    world: World, wrong: Callable[..., None]
) -> None:
    wrong("BTCUSDT", "daily", MAY + 607 * MINUTE_MS)

    told = world.backfill("BTCUSDT", "2022-05-12")
    again = world.backfill("BTCUSDT", "2022-05-12")

    finding = "10:00 (archive-daily, minutes archive-daily): volume "
    assert len(told) == 2
    assert told[0].startswith(f"BTCUSDT 2022-05-12 mended: {finding}")
    assert "trade_count" in told[0]
    assert (
        told[1]
        == "96 candles of 15m in 1 days compared with their 1m candles: all are what those make"
    )
    assert again == []
    checks = world.checks("BTCUSDT")
    assert {state: check[:2] for state, check in checks.items()} == {
        "differs": (96, 1),
        "mended": (96, 0),
    }
    assert finding in checks["differs"][2]
    assert finding in checks["mended"][2]
    assert world.differing("BTCUSDT") == [("15m", 96, 0)]


def test_what_neither_rest_nor_the_archive_settles_is_shown_and_asked_for_once(
    world: World, wrong: Callable[..., None]
) -> None:
    wrong("SOLUSDT", "everywhere", NOVEMBER + 607 * MINUTE_MS)

    told = world.backfill("SOLUSDT", "2022-11-09")
    again = world.backfill("SOLUSDT", "2022-11-09")

    assert told[0].startswith("SOLUSDT 2022-11-09 differs: 10:00 (rest, minutes rest): volume ")
    assert told[0].endswith("REST and the daily archive do not settle it")
    assert told[1].endswith("1 are not what those make")
    assert again == []
    assert world.checks("SOLUSDT")["differs"][:2] == (96, 1)
    assert world.differing("SOLUSDT") == [("15m", 96, 1)]
    (summary,) = [line for line in world.run("completeness") if "cross_checks" in line]
    assert summary.startswith("1 candles of 15m are not what their 1m candles make")


def test_the_process_that_follows_the_past_compares_each_day_by_itself(world: World) -> None:
    """Also a day that it fetched before it was started again."""
    environment = {"CANDLEWICK_SYMBOLS": "ADAUSDT", "CANDLEWICK_BACKFILL__SINCE": "2022-11-18"}
    agrees = {"agrees": (96, 0, "")}
    # A day that is stored in part is compared too, and again when more of it has come.
    for is_known in (world.holds_two_days, lambda symbol: world.checks(symbol) == agrees):
        deadline = time.monotonic() + DEADLINE_S
        process = subprocess.Popen(
            [sys.executable, "-m", "producers", "backfill"], env=world.environment | environment
        )
        try:
            while not is_known("ADAUSDT") and time.monotonic() < deadline:
                time.sleep(0.1)
        finally:
            process.terminate()
            process.wait()

    assert world.checks("ADAUSDT") == agrees


def minutes(symbol: str, count: int = 15, **changes: object) -> list[Candle]:
    """Minutes of a quarter: prices 100 to 103, a volume of 5 each, 4 trades."""
    made = (a_candle(open_ms=MAY + n * MINUTE_MS) for n in range(count))
    about = {"symbol": symbol, "status": "official", "source": "rest"} | changes
    return [replace(one, **about) for one in made]  # type: ignore[arg-type]


def quarter(symbol: str, parts: int = 15, **changes: object) -> Candle:
    """What so many of those minutes make."""
    (one,) = minutes(symbol, 1)
    sums = ("volume_e8", "quote_volume_e8", "trade_count", "taker_buy_volume_e8")
    made = {name: getattr(one, name) * parts for name in (*sums, "taker_buy_quote_volume_e8")}
    made |= {"interval": "15m", "close_ms": MAY + 15 * MINUTE_MS, "symbol": symbol}
    return replace(one, **(made | changes))


def differs(world: World, symbol: str, *candles: Candle, holes: Sequence[Hole] = ()) -> object:
    """What the comparison says of the quarter; None if it makes none."""
    settings = {"url": world.store.url, "user": world.store.user, "password": world.store.password}
    writer = ClickHouse(ClickHouseSettings.model_validate(settings))
    tables = {table.name: table for table in TABLES}
    writer.insert(tables["klines"], b"".join(map(candle_row, candles)), token=f"klines {symbol}")
    if holes:
        writer.insert(tables["holes"], b"".join(map(hole_row, holes)), token=f"holes {symbol}")
    view = f"quarters_compared(symbol = '{symbol}', from_ms = {MAY}, until_ms = {NOVEMBER})"
    with world.store.client(database="candlewick") as client:
        rows = client.query(f"SELECT differs FROM {view}").result_rows  # noqa: S608 - our own names
    return rows[0][0] if rows else None


def test_every_field_of_a_quarter_counts(world: World) -> None:
    fields = {
        "open": "open_e8",
        "high": "high_e8",
        "low": "low_e8",
        "close": "close_e8",
        "volume": "volume_e8",
        "quote_volume": "quote_volume_e8",
        "trade_count": "trade_count",
        "taker_buy_volume": "taker_buy_volume_e8",
        "taker_buy_quote_volume": "taker_buy_quote_volume_e8",
    }
    for number, (name, field) in enumerate(fields.items()):
        symbol = f"FIELD{number}"
        wrong = replace(right := quarter(symbol), **{field: getattr(right, field) + 1})
        found = differs(world, symbol, *minutes(symbol), wrong)
        assert found == [name], name
    assert differs(world, "EQUAL", *minutes("EQUAL"), quarter("EQUAL")) == []


def test_a_minute_without_a_trade_has_no_part_in_prices(world: World) -> None:
    flat = dict.fromkeys(("open_e8", "high_e8", "low_e8", "close_e8"), 90 * 10**8)
    none = dict.fromkeys(("volume_e8", "quote_volume_e8", "trade_count"), 0)
    none |= {"taker_buy_volume_e8": 0, "taker_buy_quote_volume_e8": 0}
    quiet = [replace(one, **flat, **none) for one in minutes("QUIET", 5)]

    candles = (*quiet, *minutes("QUIET")[5:], quarter("QUIET", 10))
    assert differs(world, "QUIET", *candles) == []

    still = [replace(one, **flat, **none) for one in minutes("STILL")]
    assert differs(world, "STILL", *still, quarter("STILL", **flat, **none)) == []


def test_a_quarter_with_a_missing_minute_is_compared_only_if_that_never_was(world: World) -> None:
    def hole(symbol: str, kind: str) -> Hole:
        run = (MAY + 14 * MINUTE_MS, MAY + 15 * MINUTE_MS)
        return Hole(symbol, "1m", *run, kind, -1, -1, -1, -1, MAY, "")

    def found(symbol: str, *kinds: str) -> object:
        candles = (*minutes(symbol, 14), quarter(symbol, 14))
        return differs(world, symbol, *candles, holes=[hole(symbol, kind) for kind in kinds])

    assert found("MISSING") is None
    assert found("UNPROVEN", "unproven") is None
    assert found("OFFICIAL", "official") == []


def test_a_quarter_is_compared_though_a_minute_of_it_was_thought_to_be_absent(world: World) -> None:
    run = (MAY + 14 * MINUTE_MS, MAY + 15 * MINUTE_MS)
    hole = Hole("CAMELATE", "1m", *run, "official", -1, -1, -1, -1, MAY, "")
    right = quarter("CAMELATE")
    wrong = replace(right, volume_e8=right.volume_e8 + 1)

    assert differs(world, "CAMELATE", *minutes("CAMELATE"), wrong, holes=[hole]) == ["volume"]


def test_quote_volumes_may_be_rounded_only_where_they_have_too_many_decimals(world: World) -> None:
    def found(symbol: str, price_e8: int, off_e8: int) -> object:
        prices = {"low_e8": price_e8, "open_e8": 100 * 10**8, "close_e8": 101 * 10**8}
        quote = {"quote_volume_e8": quarter(symbol).quote_volume_e8 + off_e8}
        fine = {"volume_e8": 5 * 10**8 + 10}  # seven decimals
        own = [replace(one, **prices, **fine) for one in minutes(symbol)]
        whole = quarter(symbol, **prices, **quote, volume_e8=15 * fine["volume_e8"])
        return differs(world, symbol, *own, whole)

    assert found("WHOLE", 99 * 10**8, 1) == ["quote_volume"]
    assert found("CENTS", 99 * 10**8 + 1_000_000, 60) == []  # as many as the 60 trades
    assert found("BEYOND", 99 * 10**8 + 1_000_000, 61) == ["quote_volume"]


@pytest.mark.parametrize(
    ("source", "minute_sources", "all_sources", "asked"),
    [
        ("archive-daily", ["archive-monthly"], ["archive-daily", "archive-monthly"], Ask.REST),
        ("rest", ["archive-daily", "rest"], ["archive-daily", "rest"], Ask.REST),
        ("stream", ["rest"], ["rest", "stream"], Ask.REST),
        ("rest", ["rest"], ["archive-monthly", "rest", "stream"], Ask.DAILY),
        ("rest", ["rest"], ["archive-daily", "rest"], Ask.NOBODY),
    ],
)
def test_each_source_is_asked_once(
    source: str, minute_sources: list[str], all_sources: list[str], asked: Ask
) -> None:
    found = Contradiction(MAY, ["volume"], ["1"], ["2"], source, minute_sources, all_sources)

    assert found.next is asked
