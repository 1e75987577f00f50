"""The page of scaling says what was measured, and what it calculates follows from that."""

from pathlib import Path

import pytest

from bench.scaling.pictures import TITLES
from bench.scaling.results import KEPT, Point, Run, cores_of, keep, read
from bench.scaling.sizing import processors, sizing
from bench.scaling.tables import tables

PAGE = Path(__file__).parents[3] / "docs" / "scaling.md"
RUNS = read()
PARTS = ("producer", "worker", "sinks", "API", "broker", "ClickHouse")


def a_point(at: float, cores: float, *, is_held: bool = True) -> Point:
    return Point(at, dict.fromkeys(PARTS, cores) | {"exchange": 9.0}, is_held=is_held)


def a_run(*points: Point) -> Run:
    return Run("rate", "python -m bench.scaling rate", list(points))


@pytest.mark.parametrize("slope", RUNS)
def test_every_table_of_the_page_is_what_was_measured(slope: str) -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert [table for table in tables(RUNS[slope]) if table not in page] == []
    assert slope not in TITLES or f"(pictures/scaling-{slope}.svg)" in page


def test_what_the_page_calculates_follows_from_what_was_measured() -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert [table for table in sizing(RUNS) if table not in page] == []
    assert RUNS.keys() == {*TITLES, "stored"}


def test_a_line_leaves_out_where_it_no_longer_kept_up() -> None:
    run = a_run(a_point(0, 1.0), a_point(100, 2.0), a_point(200, 2.1, is_held=False))

    assert run.line(cores_of("worker")) == pytest.approx((1.0, 0.01))


def test_the_exchange_is_no_cost_of_ours() -> None:
    assert a_point(0, 1.0).sum == len(PARTS)


def test_ten_exchanges_add_their_trades_and_their_symbols() -> None:
    rate = a_run(a_point(0, 0.5), a_point(1000, 1.5))
    symbols = a_run(a_point(0, 0.0), a_point(13_500, 2.0))

    one, ten = processors(rate, symbols, 1, 1000), processors(rate, symbols, 10, 1000)

    assert one == pytest.approx(dict.fromkeys(PARTS, 1.5))
    assert ten == pytest.approx(dict.fromkeys(PARTS, 3.5))


def test_a_line_that_falls_saves_nothing() -> None:
    falling = a_run(a_point(0, 0.5), a_point(1000, 0.4))

    assert processors(falling, falling, 10, 50_000) == pytest.approx(dict.fromkeys(PARTS, 0.5))


def test_a_run_is_kept_beside_the_others_and_read_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "measured.json"
    first, second = a_run(a_point(1, 0.25)), a_run(a_point(2, 0.5, is_held=False))
    other = Run("stored", "python -m bench.scaling stored", sizes={"trades, bytes a row": 9.5})

    for run in (first, other, second):
        keep(run, file)

    assert read(file) == {"rate": second, "stored": other}
    assert KEPT.exists()
