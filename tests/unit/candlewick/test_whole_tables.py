"""The tables of the command line on a terminal of 80 columns: nothing is broken in two."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table

from candlewick.commands import audit, completeness, models, predictions, topics
from candlewick.offline.evaluation.tables import print_skills
from candlewick.store.audits import Difference, Tally
from candlewick.store.completeness import Month
from candlewick.terminal.whole_tables import print_whole
from processors.prediction.chance_tally import ChanceSkill, Tenth
from processors.prediction.scoreboard import Calibration, Days, Skill
from schemas.predictions import ModelVersion
from tests.support.api_market import a_prediction
from tests.support.builders import START_MS

WIDTH = 80
MODELS = ("reference", "online", "batch", "lstm", "blend", "champion")
LARGE = 1_234_567_890


def printed(show: Callable[[Console], None], width: int = WIDTH) -> list[str]:
    out = StringIO()
    show(Console(file=out, width=width, highlight=False, color_system=None))
    return out.getvalue().splitlines()


def words(lines: list[str]) -> list[str]:
    return " ".join(lines).split()


def a_table(headings: list[str], rows: list[list[str]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading)
    for row in rows:
        table.add_row(*row)
    return table


WORD = st.text("abc0123456789.,", min_size=1, max_size=30)
CELL = st.lists(WORD, max_size=6).map(" ".join)
ROWS = st.integers(1, 8).flatmap(
    lambda n: st.lists(st.lists(CELL, min_size=n, max_size=n), min_size=1, max_size=4)
)


@given(ROWS, st.integers(40, 120))
def test_every_word_of_a_table_stands_whole_on_a_line(rows: list[list[str]], width: int) -> None:
    headings = [f"h{number}" for number in range(len(rows[0]))]

    lines = printed(partial(print_whole, table=a_table(headings, rows)), width)

    assert sorted(words(lines)) == sorted(
        [*(word for row in rows for cell in row for word in cell.split()), *_headings(lines, rows)]
    )
    assert max(map(len, lines)) <= width


def _headings(lines: list[str], rows: list[list[str]]) -> list[str]:
    """Once above a table, or beside each value."""
    names = [f"h{number}" for number in range(len(rows[0]))]
    times = words(lines).count(names[0])
    assert times in (1, len(rows))
    return names * times


def test_a_column_that_can_be_spared_goes_before_any_cell_is_wrapped() -> None:
    row = ["x" * 20, "y " * 10, "z" * 30]
    table = a_table(["one", "two", "three"], [row])

    lines = printed(lambda console: print_whole(console, table, spare=("two",)), 60)

    assert [line.split() for line in lines] == [["one", "three"], [row[0], row[2]]]


def a_skill(model: str) -> Skill:
    calibration = Calibration(123_456, 0.5012, 0.9034, 12.34, 123.45)
    return Skill(
        model=model,
        cases=1_234_567,
        point_skill=-0.123456,
        point_skill_error=0.012345,
        pinball_better_pct=12.34,
        pinball_better_error=0.1,
        winkler_better_pct=-12.34,
        winkler_50_better_pct=1.0,
        overall=calibration,
        by_minutes=dict.fromkeys(range(15, 0, -1), calibration),
        by_fifth=[calibration] * 5,
        days=Days(184, 12, START_MS, -1.23),
        chance=ChanceSkill(
            cases=1_234_567,
            share_up=0.5123,
            brier=0.16234,
            log_loss=0.48123,
            log_loss_of_constant=0.49,
            brier_better_pct=-12.34,
            brier_better_error=0.12,
            climatology_better_pct=34.56,
            reliability=0.00012,
            resolution=0.0871,
            uncertainty=0.2499,
            tenths=[Tenth(123, 0.1 * place, 0.101 * place) for place in range(10)],
            by_minutes=dict.fromkeys(range(15, 0, -1), 1.23),
        ),
    )


def test_the_scoreboard_of_every_model_fits_80_columns() -> None:
    skills = [a_skill(model) for model in MODELS]

    lines = printed(partial(print_skills, skills))

    assert max(map(len, lines)) <= WIDTH
    row = next(line for line in lines if line.startswith("reference"))
    assert {"1,234,567", "-12.346", "1.234", "12.34", "-12.34", "90.3", "123.5"} <= set(row.split())
    assert words(lines).count("(123)") == 5 * len(MODELS)
    assert words(lines).count("90.3") == (1 + 15 + 5) * len(MODELS)


@pytest.mark.parametrize("factor", [1, 1_163, 10**-6])
def test_predictions_of_any_price_fit_80_columns_with_whole_intervals(factor: float) -> None:
    made = a_prediction(symbol="1000PEPEUSDT", model="reference")
    names = [name for name in type(made).__slots__ if name.endswith("_e8")]
    asked = replace(made, **{n: int(getattr(made, n) * factor) + 7 for n in names})  # type: ignore[arg-type]
    table = predictions._table([asked], {})
    cells = predictions._cells(asked, asked)

    lines = printed(partial(print_whole, table=table, spare=predictions.SPARE))

    assert max(map(len, lines)) <= WIDTH
    assert {cells[0], cells[1], cells[4], cells[6]} <= set(words(lines))
    assert "70 %" in " ".join(lines)


@pytest.mark.parametrize(
    ("chance", "shown"), [(0.624, "62 %"), (0.9999, "99 %"), (0.0001, "1 %"), (None, "-")]
)
def test_the_chance_to_close_up_is_that_of_its_own_champion(
    chance: float | None, shown: str
) -> None:
    asked = a_prediction(model="online")
    said = replace(a_prediction(model="batch"), chance_up=chance)

    table = predictions._table([asked], {asked.symbol: said})
    lines = printed(partial(print_whole, table=table, spare=predictions.SPARE))

    assert f"{shown} batch" in " ".join(lines)
    assert max(map(len, lines)) <= WIDTH


def test_what_happened_to_models_fits_80_columns() -> None:
    reason = "its loss over the last 2,976 questions was 3.21 % lower than the champion's"
    event = ModelVersion(
        "reference", "0123456789ab", "1000PEPEUSDT", "promoted", START_MS, reason, "{}"
    )

    lines = printed(partial(print_whole, table=models._table([event])))

    assert max(map(len, lines)) <= WIDTH
    assert {"0123456789ab", "1000PEPEUSDT", "promoted", *reason.split()} <= set(words(lines))


def test_a_version_too_long_for_a_column_makes_each_event_a_few_lines() -> None:
    version = "+".join(["0123456789ab"] * 4)
    event = ModelVersion("blend", version, "BTCUSDT", "promoted", START_MS, "because", "{}")

    lines = printed(partial(print_whole, table=models._table([event])))

    assert max(map(len, lines)) <= WIDTH
    assert f"version {version}" in " ".join(lines)


MONTH = Month("1000PEPEUSDT", "15m", "2024-08", *[LARGE] * 12, None, None)
DIFFERENCE = Difference(
    "BTCUSDT", "15m", START_MS, "archive-monthly", "taker_buy_quote_volume", "1.12345678", "2"
)


@pytest.mark.parametrize(
    ("table", "most"),
    [
        (audit._counts([Tally("1000PEPEUSDT", "15m", *[LARGE] * 5)]), 5),
        (completeness._table([MONTH]), 11),
    ],
)
def test_counts_stand_whole_in_80_columns(table: Table, most: int) -> None:
    lines = printed(partial(print_whole, table=table))

    said = [word.replace(",", "") for word in words(lines)]
    assert said.count(str(LARGE)) == most
    assert max(map(len, lines)) <= WIDTH


def test_a_difference_shows_both_values_whole_in_80_columns() -> None:
    values = ("123456789012.12345678", "123456789012.12345679")
    table = audit._values([replace(DIFFERENCE, ours=values[0], exchange=values[1])])

    lines = printed(partial(print_whole, table=table, spare=("exchange's source",)))

    assert {*values, "taker_buy_quote_volume", "BTCUSDT"} <= set(words(lines))
    assert max(map(len, lines)) <= WIDTH


def test_the_list_of_topics_fits_80_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(topics, "wide_console", lambda: Console(width=WIDTH, highlight=False))
    topics.list_topics()

    lines = capsys.readouterr().out.splitlines()
    assert "candlewick-candles-state-changelog" in words(lines)
    assert max(map(len, lines)) <= WIDTH
