"""Every query of the dashboards and alerts runs, as Grafana would send it."""

import importlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.query import QueryResult

from candlewick.store.admin import apply_migrations
from grafana.alerts import ALERTS
from grafana.boards import boards
from grafana.datasource import load, slug
from grafana.provisioning_file import plain_one
from grafana.variables import ALL
from schemas.settings import ClickHouseSettings
from tests.support import grafana_world
from tests.support.grafana_world import MODELS, SYMBOLS
from tests.support.servers import running_clickhouse
from tools.grafana.macros import Asked, expand

HOUR_MS = 3_600_000
MOST_ROWS_READ = 100_000  # the market here has some 25,000 rows: nothing is read many times over
BOARDS: dict[str, Any] = {key: plain_one(board) for key, board in boards().items()}
PANELS = {
    f"{key}-{slug(panel['title'])}": panel
    for key, board in BOARDS.items()
    for panel in board["panels"]
    if panel["type"] != "row" and panel["datasource"]["type"] != "prometheus"
}
VARIABLES = [
    (key, variable["name"], variable["query"]["rawSql"])
    for key, board in BOARDS.items()
    for variable in board["templating"].get("list", [])
    if variable["type"] == "query"
]
NEEDED = {
    "candlestick": {"time", "open", "high", "low", "close"},
    "timeseries": {"time"},
    "statushistory": {"time"},
    "state-timeline": {"time"},
}


@dataclass(frozen=True, slots=True)
class World:
    """A filled store, and the moment at which it was."""

    client: Client
    filled_ms: int

    def asked(self, board: str, **chosen: str) -> Asked:
        """What a dashboard asks for at first: its own choices, the last day."""
        many = board == "models"
        first = {"symbol": ALL if many else "BTCUSDT", "interval": "15m"}
        return Asked(
            from_ms=self.filled_ms - 24 * HOUR_MS,
            to_ms=self.filled_ms,
            interval_ms=60_000,
            variables=first | {"model": ALL if many else "champion"} | chosen,
            options={"symbol": SYMBOLS, "model": tuple(MODELS)},
        )

    def query(self, sql: str, asked: Asked) -> QueryResult:
        """Ask as the user who may only read."""
        return self.client.query(expand(sql, asked))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_clickhouse(tmp_path_factory.mktemp("grafana") / "data") as server:
        settings = {"url": server.url, "user": server.user, "password": server.password}
        apply_migrations(ClickHouseSettings.model_validate(settings))
        with server.client(database="candlewick") as writer:
            importlib.reload(grafana_world).fill(writer)  # its now is that of its import
        account = {"username": server.reader, "password": server.reader_password}
        # The quarter that was open at first is the open one still, however long the filling took.
        ends_ms = grafana_world.THIS_QUARTER_MS + grafana_world.QUARTER_MS
        filled_ms = min(time.time_ns() // 1_000_000 + 1_000, ends_ms - 1)
        with server.client(database="candlewick", **account) as reader:
            yield World(reader, filled_ms)


def type_of(result: QueryResult, name: str) -> str:
    plain: str = result.column_types[result.column_names.index(name)].base_type
    return plain


@pytest.mark.parametrize("name", PANELS)
def test_a_panel_gets_columns_as_it_needs_them_and_some_rows(world: World, name: str) -> None:
    panel = PANELS[name]

    found = world.query(load(name), world.asked(name.partition("-")[0]))

    assert found.result_rows
    assert set(found.column_names) >= NEEDED.get(panel["type"], set())
    assert panel["options"].get("xField", found.column_names[0]) in found.column_names
    types = dict(zip(found.column_names, (t.base_type for t in found.column_types), strict=True))
    if "time" in types:
        assert types["time"].startswith("DateTime")
    if panel["type"] not in {"table", "barchart", "bargauge"}:
        assert any(kind in {"Float64", "Decimal"} for kind in types.values()), types
    if panel["targets"][0]["format"] == 0:  # series: one text column names them at most
        assert sum(kind == "String" for kind in types.values()) <= 1
    assert not any(kind.startswith("Decimal") for kind in types.values()), types
    assert int(found.summary.get("read_rows", 0)) < MOST_ROWS_READ


@pytest.mark.parametrize("interval", ["1m", "1h", "4h", "1d"])
@pytest.mark.parametrize("name", ["market-candles", "market-bought-and-sold"])
def test_candles_of_every_length_are_drawn(world: World, name: str, interval: str) -> None:
    asked = world.asked("market", interval=interval)
    two_days = replace(asked, from_ms=asked.to_ms - 48 * HOUR_MS)  # at any hour a day begins in it

    assert world.query(load(name), two_days).result_rows


def test_several_symbols_and_models_may_be_chosen(world: World) -> None:
    asked = world.asked("models")
    chosen = {"symbol": ["BTCUSDT"], "model": ["online", "blend"]}
    some = Asked(asked.from_ms, asked.to_ms, 60_000, chosen)

    found = world.query(load("models-scoreboard"), some)

    assert {(row[0], row[1]) for row in found.result_rows} == {
        ("BTCUSDT", "online"),
        ("BTCUSDT", "blend"),
    }


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("models-scoreboard", ("interval skill", "point skill")),
        ("models-skill-of-the-interval", ("skill",)),
        ("models-skill-of-the-point", ("skill",)),
        ("models-skill-of-the-chance", ("skill",)),
    ],
)
def test_a_model_that_missed_a_storm_has_no_skill_from_it(
    world: World, name: str, columns: tuple[str, ...]
) -> None:
    long_ago = world.asked("models", symbol="SOLUSDT", model="batch")
    asked = replace(
        long_ago,
        from_ms=grafana_world.STORM_MS,
        to_ms=grafana_world.STORM_MS + 24 * HOUR_MS,
        interval_ms=24 * HOUR_MS,  # storm and calm are in one point
    )

    found = world.query(load(name), asked)

    assert len(found.result_rows) == 1
    for column in columns:
        assert found.result_rows[0][found.column_names.index(column)] == pytest.approx(0)


@pytest.mark.parametrize("name", ["prediction-open-candle", "prediction-every-symbol-now"])
@pytest.mark.parametrize(("late_ms", "rows"), [(-1, True), (0, False), (30_000, False)])
def test_a_closed_candles_prediction_is_not_that_of_the_open_one(
    world: World, name: str, late_ms: int, *, rows: bool
) -> None:
    closed_ms = grafana_world.THIS_QUARTER_MS + grafana_world.QUARTER_MS  # the newest answered
    asked = replace(world.asked("prediction"), to_ms=closed_ms + late_ms)

    assert bool(world.query(load(name), asked).result_rows) is rows


@pytest.mark.parametrize(("board", "name", "sql"), VARIABLES)
def test_a_variable_has_options(world: World, board: str, name: str, sql: str) -> None:
    found = [row[0] for row in world.query(sql, world.asked(board)).result_rows]

    assert found
    assert found == list(dict.fromkeys(found))
    if name == "symbol":
        assert found == sorted(SYMBOLS)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.title)
def test_an_alert_gets_one_number_a_label(world: World, alert: Any) -> None:
    found = world.query(load(f"alert-{slug(alert.title)}"), world.asked("pipeline"))

    *labels, value = found.column_names
    assert value == "value"
    assert type_of(found, "value") in {"Float64", "Int64"}
    assert all(type_of(found, label) == "String" for label in labels)
    assert found.result_rows


@pytest.mark.parametrize(
    ("title", "wanted"),
    [
        ("Gap not repaired", [(2.0,)]),  # one found and forgotten, one given up
        ("Mismatch", [(2.0,)]),
        ("No prediction", [(0.0,)]),
        ("Disk full soon", [(6.4,)]),
    ],
)
def test_an_alert_counts_what_is_wrong(
    world: World, title: str, wanted: list[tuple[float]]
) -> None:
    found = world.query(load(f"alert-{slug(title)}"), world.asked("pipeline"))

    assert [tuple(row) for row in found.result_rows] == wanted


def test_the_age_of_what_was_stored_is_told_by_table(world: World) -> None:
    asked = world.asked("pipeline")
    found = world.query(load("alert-data-stands-still"), asked).result_rows

    assert [table for table, _ in found] == ["candles", "predictions", "trades"]
    old_s = (world.filled_ms - grafana_world.NOW_MS) / 1000  # it was put there after that
    assert all(0 <= age_s <= old_s + 1 for _, age_s in found)


def test_reliability_is_told_where_it_is_off_by_more_than_chance_explains(world: World) -> None:
    asked = world.asked("models")
    value = dict(world.query(load("alert-reliability"), asked).result_rows)

    assert value["BTCUSDT"] > 0.05  # given 70 %, and for 500 candles long ago all closed up
    assert value["ETHUSDT"] == 0  # 40 candles tell nothing
    scored = "SELECT sum(up) / count() FROM scores WHERE symbol = 'BTCUSDT' AND chance_champion"
    share = world.client.query(f"{scored} AND chance_up = 0.7").result_rows[0][0]
    assert value["BTCUSDT"] == pytest.approx(share - 0.7)


def test_skill_below_zero_is_told_of_whoever_speaks(world: World) -> None:
    found = world.query(load("alert-skill-below-zero"), world.asked("models")).result_rows

    assert [symbol for symbol, _ in found] == sorted(SYMBOLS)
    assert all(value == pytest.approx(0.03, abs=0.001) for _, value in found)  # online's 0.97
