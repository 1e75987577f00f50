"""The studies of the market: each notebook is its script, runs, and is on the page."""

import csv
import lzma
import re
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from nbclient.exceptions import CellExecutionError

from candlewick.stack.environment import environment_of
from clients.clickhouse import connect_writer
from schemas.decimals import plain
from schemas.errors import ConfigurationError
from tools.notebooks.archives import COINS, HEADER, HELD, read_candles, rows, text_of
from tools.notebooks.executing import executed
from tools.notebooks.from_script import SCRIPT, THREE_COINS, notebook_text
from tools.notebooks.pictures import three_coins
from tools.notebooks.rendering import Page, rendered
from tools.notebooks.sample_store import sample_store
from tools.pages.build import DOCS

DATA = Path(__file__).parents[1] / "data"
PAST = (  # a coin that is not followed any more, days of years ago, scores of last month
    """INSERT INTO coins SELECT * REPLACE('gone' AS coin_id,
    updated_time - INTERVAL 30 DAY AS updated_time) FROM coins WHERE ticker = 'BTC'""",
    "INSERT INTO coin_days SELECT * REPLACE(time - INTERVAL 900 DAY AS time) FROM coin_days",
    "INSERT INTO scores SELECT * REPLACE(open_time - INTERVAL 40 DAY AS open_time) FROM scores",
)
YOUNG = """INSERT INTO klines SELECT * REPLACE('NEWUSDT' AS symbol) FROM (
    SELECT * FROM klines WHERE symbol = 'BTCUSDT' AND interval = '15m'
    AND open_time > (SELECT max(open_time) FROM klines) - INTERVAL 3 HOUR)"""
YEAR_MS = 1_640_995_200_000  # 2022


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    folder = tmp_path_factory.mktemp("study")
    with sample_store(folder, days=8, predicted_days=0.6) as settings:
        with connect_writer(settings.clickhouse) as client:
            for statement in (*PAST, YOUNG):
                client.command(statement)
        return rendered(executed(SCRIPT.with_suffix(".ipynb"), environment_of(settings)), "head")


@pytest.fixture(scope="module")
def young_page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    """The study of a store with one coin and a stablecoin, before anything else is known."""
    folder = tmp_path_factory.mktemp("young")
    with sample_store(folder, days=1, predicted_days=0) as settings:
        with connect_writer(settings.clickhouse) as client:
            client.command("DELETE FROM klines WHERE symbol NOT IN ('BTCUSDT', 'USDCUSDT')")
            for table in ("coins", "coin_days", "scores"):
                client.command(f"TRUNCATE TABLE {table}")
        return rendered(executed(SCRIPT.with_suffix(".ipynb"), environment_of(settings)), "head")


@pytest.fixture(scope="module")
def coins_page() -> Page:
    return three_coins()


@pytest.mark.parametrize("script", [SCRIPT, THREE_COINS], ids=lambda script: script.stem)
def test_the_notebook_is_what_its_script_makes(script: Path) -> None:
    made = notebook_text(script.read_text())

    assert script.with_suffix(".ipynb").read_text() == made, "python -m tools.notebooks.from_script"


def test_every_model_has_a_colour_however_many_there_are() -> None:
    models = [f"model-{number}" for number in range(20)]
    lines = re.findall(r"^(?:colours|palette) = .+$", SCRIPT.read_text(), re.MULTILINE)
    names: dict[str, Any] = {"cycle": cycle, "models": models}
    exec("\n".join(lines), names)  # noqa: S102 - our own text

    assert sorted(names["palette"]) == sorted(models)


def test_the_studies_run_and_draw_every_picture(page: Page, coins_page: Page) -> None:
    figures = page.figures | coins_page.figures
    empty = [name for name, figure in figures.items() if not figure.data]

    assert sorted(figures) == sorted(path.name for path in pictures())
    assert empty == []


def test_its_conclusions_are_those_of_the_data(page: Page) -> None:
    assert "8,460 candles of 12 pairs" in page.text
    assert "None is missing" in page.text
    assert "The pair that moves together most is **" in page.text
    assert re.search(r"\*\*online\*\*: skill of the point [-+]?\d", page.text)


def test_a_coin_of_three_hours_moves_together_with_none(page: Page) -> None:
    assert "Too young to compare, with less than a week of hours: NEW." in page.text
    assert "was between nan" not in page.text


def test_scores_are_those_of_the_last_month(page: Page) -> None:
    scored = re.search(r"The data are ([\d,]+) candles", page.text)

    assert scored is not None
    assert int(scored[1]) <= 0.6 * 96 + 1


def test_a_store_without_a_candle_is_told_in_words(tmp_path: Path) -> None:
    with sample_store(tmp_path, days=1, predicted_days=0) as settings:
        with connect_writer(settings.clickhouse) as client:
            client.command("TRUNCATE TABLE klines")
        with pytest.raises(CellExecutionError, match="No candle is stored yet"):
            executed(SCRIPT.with_suffix(".ipynb"), environment_of(settings))


def test_capitalisation_is_that_of_the_last_year_and_of_coins_that_are_followed(page: Page) -> None:
    assert "of these 10 coins" in page.text
    assert "From 16 August 2024 to 15 August 2025 the total went" in page.text
    assert "Not followed all the time" not in page.text


def test_what_is_not_there_yet_is_said_in_words(young_page: Page) -> None:
    assert "of 2 pairs" in young_page.text
    for words in (
        "No capitalisation is stored yet",
        "No coin has been followed for long enough",
        "Fewer than two coins that move",
        "No prediction has been scored yet",
    ):
        assert words in young_page.text


def test_the_published_page_shows_pictures_that_are_there() -> None:
    shown = re.findall(
        r"\(pictures/(study-[a-z0-9-]+\.png)\)", (DOCS / "market-study.md").read_text()
    )

    assert sorted(shown) == sorted(path.name for path in pictures())


def test_the_page_has_what_the_study_of_three_coins_finds(coins_page: Page) -> None:
    assert (DOCS / "market-study.md").read_text().endswith(f"\n{coins_page.text}")


def test_the_held_year_is_whole_and_has_the_prices_of_the_archives() -> None:
    held = list(csv.reader(lzma.decompress(HELD.read_bytes()).decode().splitlines()))
    closes = {row[0]: dict(zip(HEADER, row, strict=True)) for row in held[1:]}
    archived = read_candles(sorted((DATA / "archives").glob("*-15m-*.zip")))

    assert tuple(held[0]) == HEADER
    assert list(map(int, closes)) == list(range(YEAR_MS, YEAR_MS + 365 * 86_400_000, 900_000))
    assert {len(day) for day in archived.values()} == {96}
    for symbol, day in archived.items():
        coin = symbol.removesuffix("USDT")
        for at, candle in enumerate(day):
            found, hour = closes[str(candle.open_ms)], day[at : at + 4]
            traded = round(sum(each.quote_volume_e8 for each in hour) / 1e11)
            assert found[coin] == plain(candle.close_e8)
            assert found[f"{coin} volume"] == ("" if at % 4 else str(traded))


def test_a_year_with_a_hole_is_refused() -> None:
    day = read_candles(sorted((DATA / "archives").glob("BTC*-15m-*.zip")))["BTCUSDT"]
    same = {f"{coin}USDT": day for coin in COINS}

    assert len(text_of(rows(same)).splitlines()) == 97
    with pytest.raises(ConfigurationError, match="of SOL are not those of BTC"):
        list(rows(same | {"SOLUSDT": day[:50] + day[51:]}))


def pictures() -> list[Path]:
    return list((DOCS / "pictures").glob("study-*.png"))
