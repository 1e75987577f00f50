"""`candlewick export`: files that others read, row for row what the store holds."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from candlewick.cli import build_app
from candlewick.offline.export.kinds import Dataset, Kind, datasets
from schemas.errors import CandlewickError, ConfigurationError, Transient
from schemas.table_columns import CANDLE
from sinks.rows import candle_row
from tests.support.api_market import a_quarter, fill, put
from tests.support.api_process import migrated
from tests.support.relay import Relay, relay_to
from tests.support.servers import RunningClickHouse, running_clickhouse
from tests.support.small_disk import small_disk

DAY_ROWS = 20_000
LONG_ROWS = 600_000  # two row groups and more; some ten megabytes on the way
PART_BYTES = 4_000_000
DEADLINE_S = 60.0
Lines = list[dict[str, object]]


@dataclass(frozen=True, slots=True)
class World:
    clickhouse: RunningClickHouse
    environment: dict[str, str]

    def export(self, *arguments: str | Path) -> Lines:
        """Run the command, and return its lines of JSON."""
        command = ["export", *map(str, arguments), "--json"]
        result = CliRunner().invoke(build_app(["export"]), command, env=self.environment)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        assert result.exit_code == int("behind" in states(lines).values()), result.output
        return lines

    def start(self, *arguments: str | Path) -> subprocess.Popen[bytes]:
        """Run it as a process of its own."""
        command = [str(Path(sys.executable).with_name("candlewick")), "export"]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [*command, *map(str, arguments)],
            env=os.environ | self.environment,
            stdout=pipe,
            stderr=pipe,
        )

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with self.clickhouse.client(database="candlewick", tz_mode="aware") as client:
            return [tuple(row) for row in client.query(query).result_rows]

    def command(self, statement: str) -> None:
        with self.clickhouse.client(database="candlewick") as client:
            client.command(statement)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("export")
    with running_clickhouse(folder / "clickhouse") as clickhouse:
        migrated(clickhouse)
        fill(clickhouse)
        environment = {
            "CANDLEWICK_DATA_DIR": str(folder),
            "CANDLEWICK_CLICKHOUSE__URL": clickhouse.url,
            "CANDLEWICK_CLICKHOUSE__READER_USER": clickhouse.reader,
            "CANDLEWICK_CLICKHOUSE__READER_PASSWORD": clickhouse.reader_password,
        }
        world = World(clickhouse, environment)
        for day in range(3):
            trades_of(world, "BTCUSDT", f"2022-01-3{day}" if day < 2 else "2022-02-01", DAY_ROWS)
        yield world


def trades_of(world: World, symbol: str, day: str, rows: int) -> None:
    """Put so many trades into a day, with prices of eight places."""
    world.command(
        f"""INSERT INTO trades (symbol, agg_id, first_trade_id, fills, event_time, received_time,
            price, quantity, taker_sold, era)
        SELECT '{symbol}', toInt64(toDate('{day}')) * 1000000 + number, number, 1,
            toDateTime64('{day} 00:00:00', 3, 'UTC')
                + toIntervalMillisecond(intDiv(number * 86400000, {rows})) AS event_time,
            event_time + toIntervalMillisecond(50),
            toDecimal64(30000, 8) + toDecimal64(cityHash64(number) % 10000, 8) / 8192,
            toDecimal64('0.00000001', 8), number % 2, 0
        FROM numbers({rows})"""  # noqa: S608 - our own words
    )


def dataset_of(kind: str, interval: str | None = None) -> Dataset:
    return datasets(Kind(kind), interval)[0]


def stored(world: World, dataset: Dataset) -> list[tuple[object, ...]]:
    columns = ", ".join(dataset.columns)
    order = f"symbol, {dataset.order}"
    interval = f"interval = '{dataset.interval}'" if dataset.interval else "true"
    condition = f"WHERE {interval} AND {dataset.where}"
    return world.rows(f"SELECT {columns} FROM {dataset.table} {condition} ORDER BY {order}")  # noqa: S608 - ours


def by_duckdb(folder: Path, dataset: Dataset, form: str = "parquet") -> list[tuple[object, ...]]:
    columns, order = ", ".join(dataset.columns), f"symbol, {dataset.order}"
    read = f"read_{form}('{folder}/{dataset.kind}/**/*.{form}', hive_partitioning = true)"
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        query = f"SELECT {columns} FROM {read} ORDER BY {order}"  # noqa: S608 - ours
        return connection.execute(query).fetchall()


@pytest.mark.parametrize("kind", ["candles", "klines", "trades", "predictions", "scores"])
def test_files_hold_row_for_row_what_the_store_holds(
    kind: str, world: World, tmp_path: Path
) -> None:
    dataset = dataset_of(kind)
    lines = world.export(kind, "--out", tmp_path)
    expected = stored(world, dataset)
    frame = pl.scan_parquet(tmp_path / kind).select(dataset.columns)
    in_order = frame.sort("symbol", *dataset.order.split(", "))

    again = world.export(kind, "--out", tmp_path)

    assert by_duckdb(tmp_path, dataset) == expected
    assert in_order.collect().rows() == expected
    assert ds.dataset(tmp_path / kind, partitioning="hive").count_rows() == len(expected)
    assert sum(int(str(line["rows"])) for line in lines) == len(expected) > 0
    assert {line["state"] for line in lines} == {"made"}
    assert {line["state"] for line in again} == {"unchanged"}


def test_the_files_are_laid_out_by_symbol_and_month(world: World, tmp_path: Path) -> None:
    made = [*world.export("candles", "--out", tmp_path), *world.export("trades", "--out", tmp_path)]
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.parquet")}

    assert {line["file"] for line in made} == found
    assert found == {
        *(
            f"candles/interval=15m/symbol={symbol}/month=2023-{month}/part.parquet"
            for symbol in ("BTCUSDT", "ETHUSDT")
            for month in ("11", "12")
        ),
        "trades/symbol=BTCUSDT/month=2022-01/2022-01-30.parquet",
        "trades/symbol=BTCUSDT/month=2022-01/2022-01-31.parquet",
        "trades/symbol=BTCUSDT/month=2022-02/2022-02-01.parquet",
    }


def test_prices_are_exact_decimals_and_times_know_that_they_are_utc(
    world: World, tmp_path: Path
) -> None:
    world.export("trades", "--out", tmp_path, "--from", "2022-02")
    (path,) = tmp_path.rglob("*.parquet")
    schema = pq.read_schema(path)
    first = pq.read_table(path).slice(0, 1).to_pylist()[0]

    assert str(schema.field("price").type) == "decimal128(18, 8)"
    assert str(schema.field("event_time").type) == "timestamp[ms, tz=UTC]"
    assert "symbol" not in schema.names
    assert first["quantity"] == Decimal("0.00000001")


def test_csv_says_the_same_and_names_the_symbol(world: World, tmp_path: Path) -> None:
    dataset = dataset_of("candles")
    world.export("candles", "--out", tmp_path, "--format", "csv")
    path = tmp_path / "candles/interval=15m/symbol=BTCUSDT/month=2023-12/part.csv"
    header, first = path.read_text().splitlines()[:2]
    frame = pl.read_csv(path, schema_overrides={"close": pl.Decimal(38, 8)})

    assert header.split(",")[:3] == ['"symbol"', '"interval"', '"open_time"']
    assert first.startswith('"BTCUSDT","15m",2023-12-01 00:00:00.000Z,')
    assert len(by_duckdb(tmp_path, dataset, "csv")) == len(stored(world, dataset))
    assert set(frame["close"]) == {Decimal("101.00012345"), Decimal("102.00012345")}


def test_a_range_is_exported_in_whole_months(world: World, tmp_path: Path) -> None:
    chosen = ("--symbols", "ethusdt", "--out", tmp_path)
    one = world.export("candles", *chosen, "--from", "2023-12-05", "--to", "2023-12-06")
    none_yet = world.export("candles", *chosen, "--to", "2023-12")
    days = world.export("trades", "--out", tmp_path, "--from", "2022-01-31", "--to", "2022-02-01")

    assert [(line["period"], line["rows"]) for line in one] == [("2023-12", 1457)]
    assert [line["period"] for line in none_yet] == ["2023-11"]
    assert [line["period"] for line in days] == ["2022-01-31"]


def states(lines: Lines) -> dict[str, object]:
    return {f"{line['symbol']} {line['period']}": line["state"] for line in lines}


def test_only_what_a_correction_has_changed_is_made_again(world: World, tmp_path: Path) -> None:
    first = world.export("candles", "--out", tmp_path)
    again = world.export("candles", "--out", tmp_path)
    corrected = replace(a_quarter(2000), close_e8=107 * 10**8, high_e8=108 * 10**8, revision=2)
    with world.clickhouse.client(database="candlewick") as client:
        put(client, "candles", CANDLE, [candle_row(corrected)])
    later = world.export("candles", "--out", tmp_path)
    forced = world.export("candles", "--out", tmp_path, "--again")

    assert set(states(first).values()) == set(states(forced).values()) == {"made"}
    assert set(states(again).values()) == {"unchanged"}
    assert states(later) == {**states(again), "BTCUSDT 2023-12": "made"}
    assert by_duckdb(tmp_path, dataset_of("candles")) == stored(world, dataset_of("candles"))


def test_a_day_whose_first_trade_is_not_its_earliest_is_made_once(
    world: World, tmp_path: Path
) -> None:
    trades_of(world, "BACKUSDT", "2022-05-01", 100)
    world.command(
        "INSERT INTO trades SELECT * REPLACE (event_time + toIntervalMillisecond(500) AS "
        "event_time, agg_id - 1 AS agg_id, first_trade_id - 1 AS first_trade_id) "
        "FROM trades WHERE symbol = 'BACKUSDT' ORDER BY agg_id LIMIT 1"
    )

    first = world.export("trades", "--symbols", "BACKUSDT", "--out", tmp_path)
    again = world.export("trades", "--symbols", "BACKUSDT", "--out", tmp_path)

    assert states(first) == {"BACKUSDT 2022-05-01": "made"}
    assert states(again) == {"BACKUSDT 2022-05-01": "unchanged"}


def test_a_file_that_is_gone_or_cut_is_made_again(world: World, tmp_path: Path) -> None:
    world.export("candles", "--out", tmp_path)
    gone, cut, *_ = sorted(tmp_path.rglob("*.parquet"))
    gone.unlink()
    cut.write_bytes(cut.read_bytes()[:-1])
    with (tmp_path / "manifest.jsonl").open("a") as manifest:
        manifest.write('{"file": "half a li')  # a power cut

    again = world.export("candles", "--out", tmp_path)
    third = world.export("candles", "--out", tmp_path)

    assert [*states(again).values()] == ["made", "made", "unchanged", "unchanged"]
    assert set(states(third).values()) == {"unchanged"}


def test_rows_that_the_store_has_deleted_stay_in_their_files(world: World, tmp_path: Path) -> None:
    trades_of(world, "OLDUSDT", "2022-03-01", 100)
    world.export("trades", "--symbols", "OLDUSDT", "--out", tmp_path)
    (path,) = tmp_path.rglob("*.parquet")
    whole = path.read_bytes()
    world.command(
        "ALTER TABLE trades DELETE WHERE symbol = 'OLDUSDT' AND event_time < "
        "'2022-03-01 12:00:00' SETTINGS mutations_sync = 2"
    )
    trades_of(world, "OLDUSDT", "2022-03-02", 300)

    lines = world.export("trades", "--symbols", "OLDUSDT", "--out", tmp_path)
    forced = world.export("trades", "--symbols", "OLDUSDT", "--out", tmp_path, "--to", "2022-03-02")

    assert states(lines) == {"OLDUSDT 2022-03-01": "kept", "OLDUSDT 2022-03-02": "made"}
    assert path.read_bytes() == whole
    assert states(forced) == {"OLDUSDT 2022-03-01": "kept"}


def test_a_file_that_lacks_rows_is_told_though_the_store_has_deleted_its_first_ones(
    world: World, tmp_path: Path
) -> None:
    trades_of(world, "HALFUSDT", "2022-03-01", 100)
    world.command(
        "ALTER TABLE trades DELETE WHERE symbol = 'HALFUSDT' AND event_time >= "
        "'2022-03-01 06:00:00' SETTINGS mutations_sync = 2"
    )
    half, rest = tmp_path / "half", tmp_path / "rest"
    world.export("trades", "--symbols", "HALFUSDT", "--out", half)
    world.command("ALTER TABLE trades DELETE WHERE symbol = 'HALFUSDT' SETTINGS mutations_sync = 2")
    trades_of(world, "HALFUSDT", "2022-03-01", 100)
    world.command(
        "ALTER TABLE trades DELETE WHERE symbol = 'HALFUSDT' AND event_time < "
        "'2022-03-01 03:00:00' SETTINGS mutations_sync = 2"
    )

    behind = world.export("trades", "--symbols", "HALFUSDT", "--out", half)
    apart = world.export("trades", "--symbols", "HALFUSDT", "--out", rest)

    assert states(behind) == {"HALFUSDT 2022-03-01": "behind"}
    assert states(apart) == {"HALFUSDT 2022-03-01": "made"}
    files = [path for folder in (half, rest) for path in folder.rglob("*.parquet")]
    assert len({at for path in files for at in pq.read_table(path)["agg_id"].to_pylist()}) == 100


@pytest.fixture(scope="module")
def long_day(world: World) -> str:
    """A symbol whose second day has more rows than are held in memory at a time."""
    trades_of(world, "LONGUSDT", "2022-04-01", DAY_ROWS)
    trades_of(world, "LONGUSDT", "2022-04-02", LONG_ROWS)
    return "LONGUSDT"


@dataclass(frozen=True, slots=True)
class Halted:
    """An export that stands in the middle of its second file."""

    process: subprocess.Popen[bytes]
    way: Relay


def wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not path.exists():
        assert process.poll() is None, "it ended too soon"
        assert time.monotonic() < deadline


@pytest.fixture
def halted(long_day: str, world: World, tmp_path: Path) -> Iterator[Halted]:
    before: list[int] = []

    def stands(passed: int) -> bool:
        if not before and (tmp_path / "manifest.jsonl").exists():
            before.append(passed)
        return bool(before) and passed - before[0] > PART_BYTES

    with relay_to(world.clickhouse.url, stands) as way:
        slowed = {"CANDLEWICK_CLICKHOUSE__URL": way.url}
        other = replace(world, environment=world.environment | slowed)
        process = other.start("trades", "--symbols", long_day, "--out", tmp_path)
        try:
            assert way.held.wait(DEADLINE_S)
            wait_for(tmp_path / ".unfinished" / "file", process)
            yield Halted(process, way)
        finally:
            process.kill()
            process.communicate()


def test_what_is_killed_leaves_no_half_file_and_goes_on(
    halted: Halted, long_day: str, world: World, tmp_path: Path
) -> None:
    halted.process.kill()
    halted.process.wait()
    finished = [path.name for path in tmp_path.rglob("*.parquet")]
    left_over = (tmp_path / ".unfinished" / "file").exists()
    readable = pl.scan_parquet(tmp_path / "trades").select(pl.len()).collect().item()
    lines = world.export("trades", "--symbols", long_day, "--out", tmp_path)

    assert finished == ["2022-04-01.parquet"]
    assert left_over
    assert readable == DAY_ROWS
    assert [*states(lines).values()] == ["unchanged", "made"]
    assert not (tmp_path / ".unfinished" / "file").exists()
    assert pl.scan_parquet(tmp_path / "trades").select(pl.len()).collect().item() == (
        DAY_ROWS + LONG_ROWS
    )


def test_ctrl_c_ends_it_with_a_word_and_its_exit_code(halted: Halted, tmp_path: Path) -> None:
    halted.process.send_signal(signal.SIGINT)
    _, said = halted.process.communicate(timeout=DEADLINE_S)

    assert halted.process.returncode == 130
    assert said.decode() == "stopped; finished files are kept, and the next run goes on\n"
    assert [path.name for path in (tmp_path / ".unfinished").iterdir()] == ["lock"]


def test_a_store_that_dies_in_the_middle_leaves_no_half_file(
    halted: Halted, tmp_path: Path
) -> None:
    halted.way.cut()
    _, said = halted.process.communicate(timeout=DEADLINE_S)

    assert halted.process.returncode == 1
    assert said.decode().startswith("candlewick: ClickHouse")
    assert said.count(b"\n") == 1
    assert [path.name for path in tmp_path.rglob("*.parquet")] == ["2022-04-01.parquet"]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows(long_day: str, world: World, tmp_path: Path) -> None:
    grown_mb = []
    for asked in (("candles",), ("trades", "--symbols", long_day)):
        process = world.start(*asked, "--out", tmp_path / asked[0])
        process.stdout.read() if process.stdout else None
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        process.communicate()
        grown_mb.append(usage.ru_maxrss / 1024)

    assert grown_mb[1] - grown_mb[0] < 250  # the day's rows alone are 90 MB, and come twice


def test_a_full_disk_is_told_and_what_is_finished_stays(
    long_day: str, world: World, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "small", mb=4) as disk:
        world.export("candles", "--out", disk)
        with pytest.raises(OSError, match="No space left") as full:
            world.export("trades", "--symbols", long_day, "--out", disk)
        left = [path.name for path in disk.rglob("*") if path.is_file()]
        readable = pl.scan_parquet(disk / "candles").select(pl.len()).collect().item()

    assert full.value.filename is not None
    assert sorted(left) == ["2022-04-01.parquet", "lock", "manifest.jsonl", *["part.parquet"] * 4]
    assert readable == 6004


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("candles", "--symbols", "NOSUCH"), "no candles 15m of NOSUCH are stored: choose of BTC"),
        (("candles", "--from", "2024-02", "--to", "2024-01"), "2024-01 is not after --from 2024"),
        (("candles", "--from", "2099-01"), "now is not after --from 2099-01"),
        (("candles", "--from", "2030-01", "--to", "2031-01"), "this range are stored: widen"),
        (("candles", "--from", "yesterday"), "is not a time"),
        (("candles", "--interval", "7m"), "unknown interval '7m'"),
        (("candles", "--interval", "1m"), "no candles 1m are stored yet"),
        (("trades", "--interval", "1m"), "trades have no interval"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    arguments: tuple[str, ...], says: str, world: World, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=says):
        world.export(*arguments, "--out", tmp_path)

    assert [*tmp_path.iterdir()] == []


def test_a_folder_that_may_not_be_written_is_named(world: World, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"may not be written .* choose another --out"):
        world.export("candles", "--out", tmp_path / "file")


def test_two_exports_do_not_write_into_one_folder(world: World, tmp_path: Path) -> None:
    world.export("candles", "--out", tmp_path)
    with (tmp_path / ".unfinished" / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(CandlewickError, match="another export is writing into"):
            world.export("candles", "--out", tmp_path)


def test_a_store_that_is_away_is_named(world: World, tmp_path: Path) -> None:
    elsewhere = {"CANDLEWICK_CLICKHOUSE__URL": "http://127.0.0.1:9"}
    away = replace(world, environment=world.environment | elsewhere)
    with pytest.raises(Transient, match=r"does not answer at 127\.0\.0\.1:9"):
        away.export("candles", "--out", tmp_path)


def test_people_get_a_table_of_what_was_made(world: World, tmp_path: Path) -> None:
    command = ["export", "klines", "--out", str(tmp_path)]
    result = CliRunner().invoke(build_app(["export"]), command, env=world.environment)
    heading, row, place = result.stdout.splitlines()

    assert heading.split()[-5:] == ["files", "made", "unchanged", "kept", "behind"]
    assert row.split()[:3] == ["klines", "15m", "BTCUSDT"]
    assert row.split()[-5:] == ["1", "1", "0", "0", "0"]
    assert place == f"in {tmp_path}"
