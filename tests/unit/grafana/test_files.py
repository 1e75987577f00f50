"""What is generated is fresh, complete, and reads as Grafana's own types say."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.models.alerting import Rule
from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.alerts import ALERTS, rule_group
from grafana.boards import boards
from grafana.boards.models import COLOURS, SIDE_BY_SIDE
from grafana.datasource import load, query_names, slug
from grafana.generate import generated
from grafana.provisioning_file import plain, plain_one
from tests.support.grafana_server import lost
from tools.grafana.values import look_of, written
from tools.pages.metrics import metrics

BOARDS = {key: plain_one(board) for key, board in boards().items()}
PANELS = [
    (key, panel)
    for key, board in BOARDS.items()
    for panel in board["panels"]  # type: ignore[attr-defined]
    if panel["type"] != "row"
]
Panel = dict[str, Any]
OF_PROMETHEUS = [found for found in PANELS if found[1]["datasource"]["type"] == "prometheus"]
OF_CLICKHOUSE = [found for found in PANELS if found not in OF_PROMETHEUS]


NAMES = {
    f"{metric.name}{ending}"
    for found in metrics().values()
    for metric, _ in found
    for ending in ("", "_total", "_bucket", "_sum", "_count")
}


def name_of(found: tuple[str, Panel]) -> str:
    return f"{found[0]}-{slug(found[1]['title'])}"


def test_committed_files_are_what_the_code_makes() -> None:
    stale = [path.name for path, text in generated() if path.read_text(encoding="utf-8") != text]

    assert stale == [], "run python -m grafana build"


def test_no_text_of_grafana_sends_who_runs_containers_to_the_local_stacks_logs() -> None:
    sending = [path.name for path, text in generated() if "candlewick logs" in text]

    assert sending == []


@pytest.mark.parametrize("key", BOARDS)
def test_a_dashboard_survives_its_types(key: str) -> None:
    assert lost(Dashboard, BOARDS[key]) == []


def test_alert_rules_survive_their_types() -> None:
    for rule in plain(rule_group().rules):
        assert lost(Rule, rule) == []


def test_every_query_belongs_to_a_panel_a_variable_or_an_alert() -> None:
    used = {name_of(found) for found in OF_CLICKHOUSE} | {f"alert-{slug(a.title)}" for a in ALERTS}

    assert {n for n in query_names() if not n.startswith("variable-")} == used


@pytest.mark.parametrize("found", PANELS, ids=name_of)
def test_a_panel_has_a_unit_and_says_what_to_do(found: tuple[str, Panel]) -> None:
    _, panel = found

    assert len(panel["description"]) > 60
    assert panel["type"] in {"table", "statushistory", "state-timeline", "status-history"} or (
        panel["fieldConfig"]["defaults"].get("unit")
    )


@pytest.mark.parametrize("found", OF_CLICKHOUSE, ids=name_of)
def test_a_panel_asks_what_its_file_says(found: tuple[str, Panel]) -> None:
    assert found[1]["targets"][0]["rawSql"] == load(name_of(found))


@pytest.mark.parametrize("found", OF_PROMETHEUS, ids=name_of)
def test_a_panel_asks_prometheus_for_metrics_that_a_process_has(found: tuple[str, Panel]) -> None:
    for target in found[1]["targets"]:
        asked = set(re.findall(r"\bcandlewick_\w+", target["expr"]))
        assert asked <= NAMES, target["expr"]


@pytest.mark.parametrize("found", OF_PROMETHEUS, ids=name_of)
def test_what_every_program_tells_prometheus_is_asked_of_our_processes_alone(
    found: tuple[str, Panel],
) -> None:
    for target in found[1]["targets"]:
        ours = re.sub(r'\b(up|process_\w+){process!=""}', "", target["expr"])
        assert not re.search(r"\b(up|process_\w+)\b", ours), target["expr"]


def test_panels_lie_on_the_grid_and_nowhere_over_each_other() -> None:
    for board in BOARDS.values():
        cells = [
            (x, y)
            for panel in board["panels"]  # type: ignore[attr-defined]
            for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
            for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
        ]
        assert len(cells) == len(set(cells))
        assert max(x for x, _ in cells) < 24


def test_boards_are_linked_and_the_live_ones_refresh_every_five_seconds() -> None:
    assert all(board["links"] for board in BOARDS.values())
    assert {k: b["refresh"] for k, b in BOARDS.items()} == {
        "market": "5s",
        "prediction": "5s",
        "models": "1m",
        "quality": "1m",
        "pipeline": "5s",
        "processes": "1m",
    }


def test_a_model_has_one_number_and_one_column_wherever_it_is_named() -> None:
    who = load("models-who-speaks")
    names, numbers = re.findall(r"\[([^\]]+)\]", who)
    (other,) = re.findall(r"\], (\d+)\)", who)
    side_by_side = ("models-coverage-by-minutes-to-close", "models-reliability")

    assert re.findall(r"'(\w+)'", names) == list(COLOURS)
    assert [int(number) for number in numbers.split(",")] == list(range(len(COLOURS)))
    assert list(SIDE_BY_SIDE)[int(other)] == "own"
    for name in side_by_side:
        (ours,) = re.findall(r"NOT IN \(([^)]+)\) AS is_own", load(name))
        assert re.findall(r"'(\w+)'", ours) == list(COLOURS)
        assert re.findall(r"AS (\w+)", load(name))[2:] == list(SIDE_BY_SIDE)


def test_every_variable_of_a_query_is_one_of_its_dashboard() -> None:
    for key, panel in OF_CLICKHOUSE:
        asked = set(re.findall(r"\$\{(\w+)", panel["targets"][0]["rawSql"]))
        there = {v["name"] for v in BOARDS[key]["templating"].get("list", [])}  # type: ignore[attr-defined]
        assert asked <= there, panel["title"]


def test_alerts_are_provisioned_without_anything_that_grafana_takes_for_a_variable() -> None:
    path = next(path for path, _ in generated() if path.name == "rules.json")
    rules = json.loads(Path(path).read_text(encoding="utf-8"))["groups"][0]["rules"]

    assert [rule["title"] for rule in rules] == [alert.title for alert in ALERTS]
    for rule in rules:
        assert "$" not in json.dumps(rule["annotations"])  # Grafana fills in $NAME from outside
        assert rule["notification_settings"]["receiver"] == "Candlewick"
        assert rule["annotations"]["__panelId__"] == str(rule["panelId"])
        assert rule["annotations"]["__dashboardUid__"] == rule["dashboardUid"]
        assert rule["panelId"] > 0


PRICES = {
    "market-last-price": ["price"],
    "market-candles": ["open", "high", "low", "close"],
    "market-price-of-the-last-15-minutes": ["price", "average"],
    "market-all-symbols": ["last", "high", "low"],
    "prediction-open-candle": ["last price", "predicted close", "90 % from", "90 % to"],
    "prediction-candles-with-the-predicted-close": ["open", "close", "predicted", "90 % to"],
    "prediction-the-open-candle-answer-by-answer": ["last price", "predicted", "50 % from"],
    "prediction-every-symbol-now": ["predicted"],
    "prediction-outcomes": ["predicted", "closed"],
    "quality-mismatched-candles": ["our close", "its close"],
}


@pytest.mark.parametrize("name", PRICES)
@pytest.mark.parametrize(
    ("value", "text"),
    [(0.4568, "0.4568"), (1.0002, "1.0002"), (0.00001234, "0.00001234"), (114_003.1, "114,003.1")],
)
def test_a_price_is_shown_with_the_decimals_that_its_symbol_has(
    name: str, value: float, text: str
) -> None:
    (panel,) = [found[1] for found in OF_CLICKHOUSE if name_of(found) == name]
    looks = [look_of(panel, column) for column in PRICES[name]]

    assert {written(value, look["unit"], look["decimals"]) for look in looks} == {text}
