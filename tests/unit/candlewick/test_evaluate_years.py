"""`candlewick evaluate` on years: folders of files, what is found in them, processes, months."""

import io
import json
import os
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest
from typer.testing import CliRunner

from candlewick.cli import build_app
from candlewick.offline.evaluation.evaluate import Wish, evaluate
from candlewick.offline.evaluation.find_files import find_files, left_out_told
from candlewick.offline.evaluation.lesson_files import FiledTable, LessonFile
from candlewick.offline.evaluation.past import Past, inspect
from candlewick.offline.evaluation.processes import Processes
from candlewick.offline.evaluation.progress import ProgressLine
from candlewick.offline.evaluation.selection import selected
from candlewick.offline.evaluation.symbol_run import SymbolRun
from processors.training.dataset import Table, joined
from schemas.errors import ConfigurationError, RestartNeeded
from schemas.market import Candle
from schemas.timeframe import Interval
from tests.support.builders import MINUTE_MS
from tests.support.candle_builders import MIDNIGHT_MS, trembling_minutes

DAY = 1440
MINUTES = trembling_minutes(3 * DAY)


def write(path: Path, candles: Sequence[Candle]) -> Path:
    rows = (
        [c.open_ms, *(v / 1e8 for v in (c.open_e8, c.high_e8, c.low_e8, c.close_e8, c.volume_e8))]
        for c in candles
    )
    path.write_text("\n".join(",".join(map(str, row)) for row in rows) + "\n")
    return path


def days_of(folder: Path, symbol: str = "BTCUSDT", candles: Sequence[Candle] = MINUTES) -> Path:
    for day in range(0, len(candles), DAY):
        write(folder / f"{symbol}-1m-2023-11-{14 + day // DAY}.csv", candles[day : day + DAY])
    return folder


def times_of(past: Past) -> list[int]:
    return [candle.open_ms for candle in past.candles()]


def test_a_folder_is_read_by_symbol_and_minutes_are_not_mixed_with_quarters(tmp_path: Path) -> None:
    days_of(tmp_path)
    days_of(tmp_path, "ETHUSDT", MINUTES[:DAY])
    write(tmp_path / "BTCUSDT-15m-2023-11-14.csv", MINUTES[::15])
    write(tmp_path / "BTCUSDT-1h-2023-11-14.csv", MINUTES[::60])
    write(tmp_path / "SOLUSDT-15m-2023-11-14.csv", MINUTES[::15])
    (tmp_path / "README.md").write_text("nothing to read")

    found = {one.symbol: one for one in find_files([tmp_path])}

    names = {symbol: [path.name for path in one.paths] for symbol, one in found.items()}
    assert names == {
        "BTCUSDT": [f"BTCUSDT-1m-2023-11-{day}.csv" for day in (14, 15, 16)],
        "ETHUSDT": ["ETHUSDT-1m-2023-11-14.csv"],
        "SOLUSDT": ["SOLUSDT-15m-2023-11-14.csv"],
    }
    assert list(left_out_told(found.values())) == [
        "BTCUSDT: 1 files of 15m are left out: --interval 15m takes them",
        "BTCUSDT: 1 files of 1h are left out: no model reads them",
    ]
    quarters = find_files([tmp_path / "BTC*"], interval=Interval.FIFTEEN_MINUTES)
    assert [path.name for one in quarters for path in one.paths] == ["BTCUSDT-15m-2023-11-14.csv"]


def test_a_pattern_a_folder_and_an_interval_without_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="has no files of candles"):
        find_files([tmp_path])
    with pytest.raises(ConfigurationError, match="no file matches"):
        find_files([tmp_path / "*.zip"])
    with pytest.raises(ConfigurationError, match="there is no file"):
        find_files([tmp_path / "BTCUSDT-1m.zip"])
    write(tmp_path / "BTCUSDT-1m-2023-11-14.csv", MINUTES[:DAY])
    with pytest.raises(ConfigurationError, match="no files of 15m, but of 1m"):
        find_files([tmp_path], interval=Interval.FIFTEEN_MINUTES)


def spread(count: int) -> list[Candle]:
    return [
        replace(c, open_ms=MIDNIGHT_MS + n * 15 * MINUTE_MS) for n, c in enumerate(MINUTES[:count])
    ]


def test_a_symbol_that_is_named_takes_no_files_of_others(tmp_path: Path) -> None:
    files = [
        write(tmp_path / "BTC_USDT-1m.csv", MINUTES[:100]),
        write(tmp_path / "ETHUSDT-1m-2023-11-14.csv", MINUTES[:100]),
        write(tmp_path / "mine.csv", MINUTES[100:200]),
    ]

    (found,) = find_files(files, "BTCUSDT")

    assert [path.name for path in found.paths] == ["BTC_USDT-1m.csv", "mine.csv"]
    with pytest.raises(ConfigurationError, match="no file of these has candles of SOLUSDT"):
        find_files(files[:2], "SOLUSDT")


def test_files_whose_names_say_nothing_keep_their_place_among_the_others(tmp_path: Path) -> None:
    files = [
        write(tmp_path / "BTCUSDT-1m-2023-11-14.csv", MINUTES[:100]),
        write(tmp_path / "corrected.csv", trembling_minutes(100, seed=9)),
    ]

    (found,) = find_files(files, "BTCUSDT")

    assert list(found.paths) == files


def test_candles_of_another_interval_than_is_wanted_or_of_two_are_refused(tmp_path: Path) -> None:
    quarters = write(tmp_path / "quarters.csv", spread(200))
    minutes = write(tmp_path / "minutes.csv", MINUTES[:100])
    (alone,) = find_files([quarters], "BTCUSDT", Interval.ONE_MINUTE)
    (both,) = find_files([minutes, quarters], "BTCUSDT")

    with pytest.raises(ConfigurationError, match="candles of BTCUSDT are of 15m"):
        selected([alone])["BTCUSDT"]()
    with pytest.raises(ConfigurationError, match=r"minutes\.csv has 1m candles of .* have 15m"):
        selected([both])["BTCUSDT"]()
    assert selected([replace(alone, interval=None)])["BTCUSDT"]().interval == "15m"


def test_holes_repeated_candles_and_disorder_are_found_and_the_stream_is_in_order(
    tmp_path: Path,
) -> None:
    files = [
        write(tmp_path / "BTCUSDT-1m-c.csv", MINUTES[2000:2500]),
        write(tmp_path / "BTCUSDT-1m-b.csv", [*MINUTES[900:1000], *MINUTES[700:900]]),
        write(tmp_path / "BTCUSDT-1m-a.csv", MINUTES[:760]),
        write(tmp_path / "BTCUSDT-1m-d.csv", [*MINUTES[2500:2510], *MINUTES[2520:2600]]),
    ]

    past = inspect("BTCUSDT", files)

    assert times_of(past) == [
        c.open_ms for c in (*MINUTES[:1000], *MINUTES[2000:2510], *MINUTES[2520:2600])
    ]
    assert past.count == 1590
    assert past.findings.files == 4
    assert past.findings.twice == 60
    assert past.findings.disordered == ("BTCUSDT-1m-b.csv",)
    assert past.findings.missing_minutes == 1010
    assert past.findings.holes == tuple(
        (MIDNIGHT_MS + start * MINUTE_MS, MIDNIGHT_MS + end * MINUTE_MS)
        for start, end in ((1000, 2000), (2510, 2520))
    )


def test_of_a_candle_given_twice_the_file_given_last_counts(tmp_path: Path) -> None:
    other = trembling_minutes(100, seed=9)
    first = write(tmp_path / "BTCUSDT-1m-1.csv", MINUTES[:100])
    second = write(tmp_path / "BTCUSDT-1m-2.csv", other[50:100])

    for files in ([first, second], [second, first]):
        closes = [c.close_e8 for c in inspect("BTCUSDT", files).candles()]
        last = other if files[-1] == second else MINUTES
        assert closes == [c.close_e8 for c in (*MINUTES[:50], *last[50:100])]


def test_a_long_file_does_not_keep_all_the_short_ones_inside_it_open(tmp_path: Path) -> None:
    whole = write(tmp_path / "BTCUSDT-1m-2023.csv", MINUTES)
    hours = [
        write(tmp_path / f"BTCUSDT-1m-{n}.csv", MINUTES[n * 60 : n * 60 + 60])
        for n in range(len(MINUTES) // 60)
    ]
    most = 0

    for _ in inspect("BTCUSDT", [whole, *hours]).candles():
        most = max(most, len(open_in(tmp_path)))

    assert 1 <= most <= 3


def open_in(folder: Path) -> list[str]:
    return [f.path for f in psutil.Process().open_files() if Path(f.path).is_relative_to(folder)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("archives")
    days_of(made)
    return days_of(made, "ETHUSDT", trembling_minutes(2 * DAY, seed=3))


def sources_in(folder: Path) -> dict[str, partial[Past]]:
    return {one.symbol: partial(inspect, one.symbol, one.paths) for one in find_files([folder])}


def test_processes_give_the_same_result_as_one_and_tell_their_progress(folder: Path) -> None:
    told: list[tuple[int, int]] = []
    here = evaluate(sources_in(folder), Wish(1.0))
    there = evaluate(
        sources_in(folder), Wish(1.0, jobs=2, fed=lambda done, total: told.append((done, total)))
    )

    assert there.digest == here.digest
    assert [repr(r.skills) for r in there.symbols] == [repr(r.skills) for r in here.symbols]
    assert told[-1] == (5 * DAY, 5 * DAY)
    assert len(told) == 5


@pytest.fixture
def quarters(tmp_path: Path) -> Path:
    for seed, symbol in enumerate(("BTCUSDT", "ETHUSDT")):
        month = trembling_minutes(30 * 96, seed=seed)
        rows = [replace(c, open_ms=MIDNIGHT_MS + i * 15 * MINUTE_MS) for i, c in enumerate(month)]
        write(tmp_path / f"{symbol}-15m-2023-11.csv", rows)
    return tmp_path


def test_models_are_trained_on_the_lessons_of_all_processes(quarters: Path) -> None:
    here, there = (evaluate(sources_in(quarters), Wish(5.0, jobs=jobs)) for jobs in (1, 2))

    trained = [event for event in there.symbols[1].events if event.event == "trained"]
    assert "questions of BTCUSDT, ETHUSDT" in trained[0].reason
    assert here.digest == there.digest


def test_a_training_sees_only_so_many_days_before_it(quarters: Path) -> None:
    seen = evaluate(sources_in(quarters), Wish(5.0, train_days=12)).symbols[0]

    trained = [event for event in seen.events if event.event == "trained"]
    questions = 2 * (12 * 96 - 16)  # of two symbols, without the sixteen candles of the embargo
    assert [event.reason.split(" on ")[1] for event in trained] == [
        f"{questions} questions of BTCUSDT, ETHUSDT"
    ]


def test_a_symbol_that_cannot_name_a_file_can_be_trained_on(quarters: Path) -> None:
    files = find_files([next(quarters.glob("BTC*"))])
    past = partial(inspect, "BTC/USDT", files[0].paths)

    result = evaluate({"BTC/USDT": past}, Wish(5.0)).symbols[0]

    assert any(event.event == "trained" for event in result.events)


def test_fewer_days_than_a_training_needs_are_refused(folder: Path) -> None:
    arguments = ["evaluate", str(folder), "--train-days", "7"]

    ran = CliRunner().invoke(build_app(["replay", "evaluate"]), arguments)

    assert ran.exit_code == 2
    assert "--train-days" in ran.output


def test_the_error_of_a_process_is_that_of_the_command(folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "SOLUSDT-1m-2023-11-14.csv"
    broken.write_text("60000,1,2,1,2,5\n120000,1,2,x,4,5\n")
    arguments = ["evaluate", str(folder), str(broken), "--jobs", "2"]

    ran = CliRunner().invoke(build_app(["replay", "evaluate"]), arguments)

    assert isinstance(ran.exception, ConfigurationError)
    assert "a row of SOLUSDT is unreadable" in str(ran.exception)


def test_a_killed_process_ends_the_evaluation_and_the_others(folder: Path) -> None:
    processes = Processes(sources_in(folder), lambda _symbol, _count: None, 2)
    pids = [child._process.pid or 0 for child in processes._children]
    try:
        os.kill(pids[0], signal.SIGKILL)
        with pytest.raises(RestartNeeded, match="BTCUSDT was ended by SIGKILL"):
            processes.each(SymbolRun.inspect, dict.fromkeys(sources_in(folder), ()))
    finally:
        processes.close()
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_no_more_processes_than_jobs_share_the_symbols(folder: Path) -> None:
    (source,) = (s for symbol, s in sources_in(folder).items() if symbol == "BTCUSDT")
    symbols = [f"S{number}USDT" for number in range(5)]
    processes = Processes(dict.fromkeys(symbols, source), lambda _symbol, _count: None, 2)
    try:
        pasts = processes.each(SymbolRun.inspect, dict.fromkeys(symbols, ()))

        assert len(processes._children) == 2
        assert list(pasts) == symbols
    finally:
        processes.close()


def test_a_script_in_the_working_directory_is_not_run(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "signal.py").write_text("raise SystemExit('a script of somebody')")
    monkeypatch.chdir(tmp_path)
    before = dict(os.environ)
    sources = sources_in(folder)
    processes = Processes(sources, lambda _symbol, _count: None, 2)
    try:
        pasts = processes.each(SymbolRun.inspect, dict.fromkeys(sources, ()))
    finally:
        processes.close()

    assert list(pasts) == list(sources)
    assert dict(os.environ) == before


def test_an_interrupted_evaluation_leaves_no_process(folder: Path) -> None:
    pids: list[int] = []

    def interrupt(_done: int, _total: int) -> None:
        pids.extend(children_of(os.getpid()))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(sources_in(folder), Wish(1.0, jobs=2, fed=interrupt))

    assert pids
    deadline_s = time.monotonic() + 10
    while still := [pid for pid in children_of(os.getpid()) if pid in pids and is_replay(pid)]:
        assert time.monotonic() < deadline_s, still


def children_of(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        yield from map(int, (task / "children").read_text().split())


def is_replay(pid: int) -> bool:
    return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_months_and_bad_days_are_in_the_tables_and_in_the_json(tmp_path: Path) -> None:
    start_ms = 1_701_302_400_000  # 2023-11-30
    days_of(tmp_path, candles=trembling_minutes(3 * DAY, start_ms=start_ms))
    arguments = ["evaluate", str(tmp_path), "--model", "online", "--report-days", "3"]

    shown = CliRunner().invoke(build_app(["replay", "evaluate"]), arguments)
    figures = CliRunner().invoke(build_app(["replay", "evaluate"]), [*arguments, "--json"])

    found = json.loads(figures.stdout)["symbols"]["BTCUSDT"]
    assert list(found["months"]) == ["2023-11", "2023-12"]
    assert found["candles"] == 3 * DAY
    assert found["files"]["holes"] == []
    champion = found["months"]["2023-12"]["champion"]
    assert (champion["cases"], champion["days"]) == (2 * DAY, 2)
    assert found["models"]["champion"]["days"] == 3
    row = next(line for line in shown.stdout.splitlines() if line.startswith("2023-12"))
    assert f"{champion['pinball_improvement_percent']:.2f}" in row
    assert f"{champion['chance']['brier_improvement_percent']:.2f}" in row
    assert f"{champion['days_worse']} of 2" in row
    assert "4,320 candles in 3 files: no holes" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 100


class FakeTerminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("out", [FakeTerminal(), io.StringIO()])
def test_the_progress_says_how_much_time_is_left(out: io.StringIO) -> None:
    now_s = 0.0
    line = ProgressLine(out, lambda: now_s)
    for second in range(0, 61, 1):
        now_s = float(second)
        line.show(second * 1000, 100_000)
    line.close()

    assert "60,000 of 100,000 candles (60 %), 0 min 40 s left" in out.getvalue()
    assert out.getvalue().count("left") == (59 if out.isatty() else 2)


def test_lessons_in_files_are_those_in_memory(tmp_path: Path) -> None:
    chance = np.random.default_rng(1)
    tables = [
        Table(chance.normal(size=(n, 3)), chance.normal(size=n), chance.normal(size=n), times)
        for n, times in ((40, np.arange(0, 40)), (60, np.arange(40, 100)), (50, np.arange(50)))
    ]
    files = [LessonFile(tmp_path / str(i), 0, 3) for i in range(3)]
    for file, table in zip(files, tables, strict=True):
        file.write(table)
    whole = joined(tables)
    whole = whole.where(whole.open_ms >= 20)

    filed = FiledTable(files, 20)

    chosen = chance.random(len(whole)) < 0.5
    assert np.array_equal(filed.open_ms, whole.open_ms)
    found, wanted = filed.where(chosen), whole.where(chosen)
    for name in ("inputs", "excess", "moved", "open_ms"):
        assert np.array_equal(getattr(found, name), getattr(wanted, name))
