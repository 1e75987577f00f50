"""Files whose ids contradict each other: told with their line, and no candle claims too much."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from candlewick.cli import build_app
from schemas.errors import ConfigurationError

CASES = Path(__file__).parents[2] / "data" / "cases"
START_MS = 1_723_161_600_000
LATER_MS = START_MS + 31 * 86_400_000


def a_case(tmp_path: Path, name: str, archive_name: str) -> Path:
    return Path(shutil.copy(CASES / name, tmp_path / archive_name))


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(build_app(), ["replay", "--csv", *map(str, arguments)])


def rows_of(result: Result) -> dict[int, list[str]]:
    """Volume, trades, first and last id and status of each candle, by its minute."""
    cells = [line.split(",") for line in result.stdout.splitlines()[1:]]
    return {int(row[1]): [row[7], row[9], *row[12:]] for row in cells}


def test_two_trades_under_one_aggregate_id_are_both_counted(tmp_path: Path) -> None:
    files = [
        a_case(tmp_path, "one-id-two-trades-1.csv", "ZILBTC-aggTrades-2021-02-28.csv"),
        a_case(tmp_path, "one-id-two-trades-2.csv", "ZILBTC-aggTrades-2021-03-01.csv"),
    ]

    minutes = rows_of(run(*files, "--interval", "1m"))
    quarters = rows_of(run(*files))

    midnight_ms = 1_614_556_800_000
    assert minutes[midnight_ms] == ["19332", "1", "20090670", "20090670", "complete"]
    assert quarters[midnight_ms] == ["19382", "2", "20090670", "20090671", "complete"]


def test_a_trade_in_two_aggregates_is_counted_once_and_told_with_its_line(tmp_path: Path) -> None:
    path = a_case(tmp_path, "one-trade-twice.csv", "BTCUSDT-aggTrades-2017-12-04.csv")

    result = run(path, "--interval", "1m")

    first, second, *_ = rows_of(result).values()
    assert first == ["0.6", "4", "1291815", "1291818", "gapped"]
    assert second == ["0.5", "1", "1291819", "1291819", "complete"]
    assert f"{path}, line 4: BTCUSDT: aggregate 1195416" in result.stderr
    assert result.exit_code == 0


def test_two_sequences_in_one_file_are_refused_with_the_line_where_ids_go_back(
    tmp_path: Path,
) -> None:
    path = a_case(tmp_path, "two-sequences.csv", "ETHUSDT-aggTrades-2022-04-15.csv")

    result = run(path)

    assert isinstance(result.exception, ConfigurationError)
    assert "line 3: ids go back from 34284000 to 101" in str(result.exception)
    assert result.stdout == ""


@pytest.mark.parametrize(("header", "line"), [("", 4), ("a,p,q,f,l,T,m,M\n", 5)])
def test_the_line_that_is_told_counts_the_header(tmp_path: Path, header: str, line: int) -> None:
    path = tmp_path / "BTCUSDT-aggTrades-2017-12-04.csv"
    path.write_text(header + (CASES / "one-trade-twice.csv").read_text())

    assert f"line {line}: BTCUSDT: aggregate 1195416" in run(path).stderr


def lines_of(trades: list[tuple[int, int, int]], start_ms: int = START_MS) -> str:
    return "".join(
        f"{agg_id},100.5,0.5,{first},{last},{start_ms + n * 7_000},True,True\n"
        for n, (agg_id, first, last) in enumerate(trades)
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (range(5_000, 5_100), range(100)),
        (range(100), range(50)),
        (range(50), range(100)),
        (range(100, 200), range(150)),
        (range(100), range(100)),
    ],
    ids=["new ones below", "new ones inside", "old ones inside", "some shared", "the same"],
)
@pytest.mark.parametrize("reverse", [False, True], ids=["old first", "new first"])
def test_files_between_which_ids_begin_again_are_refused(
    tmp_path: Path, old: range, new: range, *, reverse: bool
) -> None:
    files = [
        tmp_path / "BTCUSDT-aggTrades-2024-08-09.csv",
        tmp_path / "BTCUSDT-aggTrades-2024-09-09.csv",
    ]
    for path, ids, start_ms in zip(files, (old, new), (START_MS, LATER_MS), strict=True):
        path.write_text(lines_of([(n, 10 * n, 10 * n + 9) for n in ids], start_ms))

    result = run(*(reversed(files) if reverse else files))

    assert isinstance(result.exception, ConfigurationError)
    assert "begin again between" in str(result.exception)
    assert "replay them apart" in str(result.exception)
    assert run(files[0]).exit_code == run(files[1]).exit_code == 0


def test_trade_ids_that_jump_are_told_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT-aggTrades-2024-08-09.csv"
    path.write_text(lines_of([(n, 10 * n, 10 * n + 9 - (n == 11)) for n in range(30)]))

    result = run(path, "--interval", "1m")

    assert f"{path}, line 13: BTCUSDT: trade ids jump from 118 to 120" in result.stderr
    assert [row[-1] for row in rows_of(result).values()][:4] == [
        "complete",
        "gapped",
        "complete",
        "open",
    ]


@settings(max_examples=40)
@given(
    st.lists(st.integers(1, 4), min_size=3, max_size=40),
    st.integers(0, 37),
    st.integers(-6, 6),
    st.integers(-6, 6),
)
def test_a_row_whose_trade_ids_are_others_is_told_and_complete_candles_stay_true(
    tmp_path_factory: pytest.TempPathFactory, fills: list[int], at: int, before: int, behind: int
) -> None:
    starts = [100 + sum(fills[:n]) for n in range(len(fills) + 1)]
    true = [(n, starts[n], starts[n + 1] - 1) for n in range(len(fills))]
    row = 1 + at % (len(true) - 2)  # what the first begins with and the last ends with, none knows
    agg_id, first, last = true[row]
    wrong = [*true]
    wrong[row] = agg_id, first + before, max(last + behind, first + before)
    path = tmp_path_factory.mktemp("ids") / "BTCUSDT-aggTrades-2024-08-09.csv"

    path.write_text(lines_of(true))
    truth = rows_of(run(path, "--interval", "1m"))
    path.write_text(lines_of(wrong))
    result = run(path, "--interval", "1m")

    complete = {ms: cells for ms, cells in rows_of(result).items() if cells[-1] == "complete"}
    assert complete.items() <= truth.items()
    assert ("line" in result.stderr) == (wrong != true)
