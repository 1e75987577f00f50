"""`candlewick evaluate`: every kind of file, the same figures, the same digest."""

import gzip
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import feather
from rich.console import Console
from typer.testing import CliRunner

from candlewick.cli import build_app
from candlewick.offline.evaluation.evaluate import Wish, evaluate
from candlewick.offline.evaluation.find_files import find_files
from candlewick.offline.evaluation.past import ALWAYS, Span, inspect
from candlewick.offline.evaluation.selection import models_of, selected
from candlewick.offline.evaluation.tables import findings_told, print_evaluation
from processors.prediction.digest import combined
from processors.prediction.replay import Replay
from processors.prediction.state import start_state
from schemas.errors import ConfigurationError
from schemas.market import Candle
from tests.support.candle_builders import trembling_minutes
from tests.support.evaluation_builders import held

DATA = Path(__file__).parents[2] / "data"
DAYS = [DATA / f"BTCUSDT-1m-2020-01-0{day}.zip" for day in (1, 2, 3)]
MINUTES = trembling_minutes(40)


def read_candles(paths: Sequence[Path], span: Span = ALWAYS) -> dict[str, list[Candle]]:
    sources = selected(find_files(paths), *span)
    return {symbol: list(source().candles()) for symbol, source in sources.items()}


@pytest.fixture(scope="module")
def real_days() -> list[Candle]:
    return read_candles(DAYS)["BTCUSDT"]


def texts_of(candle: Candle) -> list[str]:
    prices = (candle.open_e8, candle.high_e8, candle.low_e8, candle.close_e8, candle.volume_e8)
    return [f"{value // 10**8}.{value % 10**8:08d}" for value in prices]


def rows_of(candles: Sequence[Candle], factor: int = 1) -> list[str]:
    return [",".join([str(c.open_ms * factor), *texts_of(c)]) for c in candles]


def as_csv(folder: Path) -> Path:
    path = folder / "BTCUSDT-1m-2024-01-01.csv"
    path.write_text("\n".join(rows_of(MINUTES)) + "\n")
    return path


def as_csv_with_quotes(folder: Path) -> Path:
    path = folder / "BTCUSDT-1m-2024-01-01.csv"
    rows = ",".join(f'"{cell}"' for cell in ("open_time", "open", "high", "low", "close", "volume"))
    for row in rows_of(MINUTES):
        rows += "\n" + ",".join(f'"{cell}"' for cell in row.split(","))
    path.write_text(rows)
    return path


def as_csv_with_header_in_microseconds(folder: Path) -> Path:
    path = folder / "BTCUSDT-1m-2025-01-01.csv"
    path.write_text("open_time,open,high,low,close,volume\n" + "\n".join(rows_of(MINUTES, 1000)))
    return path


def as_zip(folder: Path) -> Path:
    path = folder / "BTCUSDT-1m-2024-01.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("BTCUSDT-1m-2024-01.csv", "\n".join(rows_of(MINUTES)))
    return path


def as_feather(folder: Path) -> Path:
    path = folder / "BTC_USDT-1m.feather"
    values = [[float(text) for text in texts_of(c)] for c in MINUTES]
    names = ("open", "high", "low", "close", "volume")
    columns = dict(zip(names, zip(*values, strict=True), strict=True))
    dates = pa.array([c.open_ms * 10**6 for c in MINUTES], pa.timestamp("ns", tz="UTC"))
    feather.write_feather(pa.table({"date": dates, **columns}), path)
    return path


def as_json(folder: Path) -> Path:
    path = folder / "BTC_USDT-1m.json"
    path.write_text(json.dumps([[c.open_ms, *map(float, texts_of(c))] for c in MINUTES]))
    return path


def as_json_lines(folder: Path) -> Path:
    path = folder / "BTCUSDT-1m-rest.jsonl.gz"
    lines = (json.dumps([c.open_ms, *texts_of(c)]) for c in MINUTES)
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    return path


@pytest.mark.parametrize(
    "write",
    [
        as_csv,
        as_csv_with_quotes,
        as_csv_with_header_in_microseconds,
        as_zip,
        as_feather,
        as_json,
        as_json_lines,
    ],
)
def test_each_kind_of_file_gives_the_same_candles(
    tmp_path: Path, write: Callable[[Path], Path]
) -> None:
    found = read_candles([write(tmp_path)])["BTCUSDT"]

    assert [(c.open_ms, c.close_ms, *texts_of(c)) for c in found] == [
        (c.open_ms, c.close_ms, *texts_of(c)) for c in MINUTES
    ]
    assert {c.interval for c in found} == {"1m"}


def test_an_official_archive_keeps_its_counts(real_days: list[Candle]) -> None:
    assert len(real_days) == 3 * 1440
    assert real_days[0].trade_count == 493
    assert real_days[0].taker_buy_volume_e8 == 1959823000


def test_files_may_overlap_and_come_in_any_order(real_days: list[Candle]) -> None:
    assert read_candles([DAYS[2], DAYS[0], DAYS[1], DAYS[0]]) == {"BTCUSDT": real_days}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("candles.csv", "1,2,3,4,5,6\n", "add --symbol"),
        ("BTCUSDT-1m.csv", "60000,2,3,4,5,6\n360000,2,3,4,5,6\n", "5 minutes apart"),
        ("BTCUSDT-1m.csv", "60000,2,3\n120000,2,3\n", "but needs 6"),
        ("BTCUSDT-1m.csv", "60000,2,x,4,5,6\n120000,2,3,4,5,6\n", "unreadable"),
        ("BTCUSDT-1m.csv", "", "no candles in"),
        ("BTCUSDT-1m.json", "[[1,2", "not JSON"),
        ("BTCUSDT-1m.json", '{"a": 1}', "not a list of rows"),
        ("BTC_USDT-1m.feather", "ARROW1 and no more", "not a feather file"),
        ("BTCUSDT-1m.json", '[["2024-01-01T00:00:00Z",1,2,1,2,5]]', "without a time in milli"),
        ("BTCUSDT-1m.json", "[[null,1,2,1,2,5]]", "without a time in milliseconds"),
        ("BTCUSDT-1m.jsonl", "[60000,1,2,1,2,null]\n[120000,1,2,1,2,5]\n", "unreadable"),
        ("BTCUSDT-1m.jsonl", "[60000,1,[],1,2,5]\n[120000,1,2,1,2,5]\n", "unreadable"),
        ("BTCUSDT-1m.csv", "60000,2,inf,4,5,6\n120000,2,3,4,5,6\n", "unreadable"),
        ("BTCUSDT-1m.csv", "60000,2,3,4,5,inf\n120000,2,3,4,5,6\n", "unreadable"),
        ("BTCUSDT-1m.csv", "60000,2,3,1,2,6,7,8\n120000,2,3,1,2,6\n", "6 columns where its first"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    (tmp_path / name).write_text(content)

    with pytest.raises(ConfigurationError, match=message):
        read_candles([tmp_path / name])


def test_rows_between_two_candles_are_left_out_and_counted(tmp_path: Path) -> None:
    # As on 8 February 2018, in the official archives.
    times = [minute * 60_000 + (14_800 if minute >= 700 else 0) for minute in range(1440)]
    path = tmp_path / "BTCUSDT-1m.csv"
    path.write_text("".join(f"{ms},2,3,1,2,5\n" for ms in times))

    past = inspect("BTCUSDT", [path])

    assert [candle.open_ms for candle in past.candles()] == times[:700]
    assert (past.count, past.findings.off_grid) == (700, 740)
    assert "740 rows between two candles left out" in findings_told(past)


def test_candles_that_cannot_be_count_as_missing_and_are_told(tmp_path: Path) -> None:
    rows = [f"{minute * 60_000},2,3,1,2,5" for minute in range(2 * 1440)]
    rows[700] = f"{700 * 60_000},2,3,1,2,-500"  # such volumes have been in official archives
    rows[2000] = f"{2000 * 60_000},2,1,3,2,5"  # the high below the low
    path = tmp_path / "BTCUSDT-1m.csv"
    path.write_text("\n".join(rows))

    (result,) = evaluate({"BTCUSDT": partial(inspect, "BTCUSDT", [path])}, Wish(1.0, ())).symbols

    assert result.past.findings.impossible == 2
    assert "2 impossible candles taken for missing" in findings_told(result.past)
    assert result.skills


def test_a_symbol_of_which_nothing_can_be_scored_spoils_no_other(real_days: list[Candle]) -> None:
    young = [replace(candle, symbol="NEWUSDT") for candle in real_days[-10:]]
    wish = Wish(1.0, ())

    evaluation = evaluate({"BTCUSDT": held(real_days), "NEWUSDT": held(young)}, wish)

    assert [bool(result.skills) for result in evaluation.symbols] == [True, False]
    console = Console(record=True, width=120)
    print_evaluation(evaluation, console)
    assert "no candle of the reported part could be scored" in console.export_text()
    with pytest.raises(ConfigurationError, match="give files of more days"):
        evaluate({"NEWUSDT": held(young)}, wish)


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        ("date", None, "without a time in milliseconds"),
        ("volume", None, "unreadable"),
        ("high", float("inf"), "unreadable"),
        ("low", float("nan"), "unreadable"),
    ],
)
def test_a_cell_of_a_feather_file_that_is_no_number_is_told(
    tmp_path: Path, column: str, cell: float | None, message: str
) -> None:
    path = as_feather(tmp_path)
    table = feather.read_table(path)
    cells = [cell, *table[column].to_pylist()[1:]]
    changed = pa.array(cells, table[column].type)
    place = table.column_names.index(column)
    feather.write_feather(table.set_column(place, column, changed), path)

    with pytest.raises(ConfigurationError, match=message):
        read_candles([path])


def test_a_zip_with_a_password_is_told_to_be_unpacked_first(tmp_path: Path) -> None:
    path = as_zip(tmp_path)
    packed = bytearray(path.read_bytes())
    for sign, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # the flags of both headers
        packed[packed.index(sign) + at] |= 1
    path.write_bytes(packed)

    with pytest.raises(ConfigurationError, match="locked with a password: unpack it first"):
        read_candles([path])


def test_days_are_selected(real_days: list[Candle]) -> None:
    second_ms = real_days[1440].open_ms

    found = read_candles(DAYS, (second_ms, second_ms + 86_400_000))

    assert found == {"BTCUSDT": real_days[1440:2880]}
    with pytest.raises(ConfigurationError, match="no candles of BTCUSDT"):
        read_candles(DAYS, (second_ms * 2, second_ms * 3))


def test_an_unknown_model_is_told() -> None:
    assert models_of(["online", "forest"]) == ["forest"]
    with pytest.raises(ConfigurationError, match="unknown model lstn"):
        models_of(["lstn"])


def test_real_days_give_the_same_digest_in_any_pieces(real_days: list[Candle]) -> None:
    whole = evaluate({"BTCUSDT": held(real_days)})

    replay = Replay(start_state("BTCUSDT"), 0)
    for start in range(0, len(real_days), 997):
        replay.feed(real_days[start : start + 997])

    assert replay.digest.hex() == whole.symbols[0].digest
    assert whole.digest == combined({"BTCUSDT": replay.digest.hex()})
    assert whole.symbols[0].predictions == 2 * (len(real_days) - 14)


def test_an_evaluation_done_twice_ends_with_the_same_digest(real_days: list[Candle]) -> None:
    pairs = {"BTCUSDT": held(real_days[:2000]), "ETHUSDT": held(real_days[1000:3000])}
    first, second = evaluate(pairs), evaluate(dict(reversed(pairs.items())))

    assert first.digest == second.digest
    assert first.digest != evaluate(pairs | {"ETHUSDT": held(real_days[1000:2999])}).digest


def test_whole_candles_alone_answer_the_question_at_the_open(real_days: list[Candle]) -> None:
    from candlewick.offline.evaluation.kline_rows import candle_of  # noqa: PLC0415 - only here
    from schemas.timeframe import Interval  # noqa: PLC0415 - only here

    quarters = [
        candle_of(
            [
                part[0].open_ms,
                part[0].open_e8 / 1e8,
                max(c.high_e8 for c in part) / 1e8,
                min(c.low_e8 for c in part) / 1e8,
                part[-1].close_e8 / 1e8,
                sum(c.volume_e8 for c in part) / 1e8,
            ],
            "BTCUSDT",
            Interval.FIFTEEN_MINUTES,
        )
        for part in (real_days[i : i + 15] for i in range(0, len(real_days), 15))
    ]

    result = evaluate({"BTCUSDT": held(quarters)}).symbols[0]

    assert [list(skill.by_minutes) for skill in result.skills] == [[15]] * 3
    assert result.predictions == 2 * (288 - 14)


def test_trained_models_enter_when_there_is_enough_to_train_on() -> None:
    result = evaluate({"BTCUSDT": held(trembling_minutes(12 * 1440))}, Wish(3)).symbols[0]

    trained = next(event for event in result.events if event.event == "trained")
    assert trained.event_ms == result.reported_from_ms
    assert {s.model for s in result.skills} >= {"reference", "online", "batch", "blend"}
    assert all(s.pinball_better_pct > 5 for s in result.skills if s.model != "reference")


def test_the_command_prints_a_scoreboard_and_ends_with_the_digest() -> None:
    ran = CliRunner().invoke(build_app(["replay", "evaluate"]), ["evaluate", *map(str, DAYS)])

    assert ran.exit_code == 0, ran.output
    assert "online" in ran.output
    assert len(ran.output.split()[-1]) == 64


def test_the_json_holds_every_figure() -> None:
    arguments = ["evaluate", *map(str, DAYS), "--json", "--report-days", "1"]
    ran = CliRunner().invoke(build_app(["replay", "evaluate"]), arguments)

    found = json.loads(ran.stdout)
    online = found["symbols"]["BTCUSDT"]["models"]["online"]
    assert online["cases"] == 1440
    assert len(online["by_minutes_to_close"]) == 15
    assert len(online["by_volatility_fifth"]) == 5
    assert online["pinball_improvement_percent"] > 0
    assert online["point_skill"] >= -online["point_skill_standard_error"]
    assert 0.8 < online["coverage_90"] < 0.95
    assert len(found["digest"]) == 64
