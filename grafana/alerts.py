"""Alert rules: faults that a person must know at once, each with the action to take."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from grafana_foundation_sdk.builders.alerting import NotificationSettings, Query, Rule, RuleGroup
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import alerting as model
from grafana_foundation_sdk.models.dashboard import Panel

from grafana.boards import boards
from grafana.datasource import UID, ClickHouseQuery, load, slug
from schemas.growth import SOON_DAYS

FOLDER: Final = "candlewick"
GROUP: Final = "Candlewick"
RECEIVER: Final = "Candlewick"
EVERY_S: Final = 60
EXPRESSIONS: Final = {"type": "__expr__", "uid": "__expr__"}
Missing = Literal["Alerting", "NoData", "OK"]


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert rule; it compares the column ``value`` of the query ``alert-<title>.sql``.

    Attributes:
        says: Summary of the fault, a Grafana template.
        do: The action to take.
        compared: ``gt``, ``lt`` or ``outside_range``.
        bounds: One bound, or two for ``outside_range``.
        lasting: How long the comparison must be true, in Grafana's notation: 0s, 5m.
        board: Key of the dashboard that the alert links to.
        panel: Title of the panel there that shows more.
        missing: State of the alert if the query returns no rows.
    """

    title: str
    says: str
    do: str
    compared: Literal["gt", "lt", "outside_range"]
    bounds: tuple[float, ...]
    lasting: str
    severity: Literal["critical", "warning"]
    board: str
    panel: str
    missing: Missing = "Alerting"


ALERTS: Final = (
    Alert(
        "Stream silent",
        "No trade of any symbol for {{ .Values.B.Value }} s.",
        "See the log of `stream`, and check that the exchange answers.",
        "gt", (60,), "1m", "critical", "pipeline", "Age by symbol",
    ),
    Alert(
        "Data stands still",
        "Nothing has been stored in {{ .Labels.table }} for {{ .Values.B.Value }} s.",
        "See the API's `/healthcheck` for the group that has not moved, and restart its process; "
        "it continues where it stopped.",
        "gt", (120,), "1m", "critical", "pipeline", "Rows stored a second",
    ),
    Alert(
        "Gap not repaired",
        "{{ .Values.B.Value }} gaps in the trades are older than five minutes.",
        "See the panel Gaps in Data quality, and the log of `stream`.",
        "gt", (0,), "0s", "warning", "quality", "Gaps",
    ),
    Alert(
        "Mismatch",
        "{{ .Values.B.Value }} candles of the last day differ from the exchange's own.",
        "See the panel Mismatched candles in Data quality, then run `candlewick audit`.",
        "gt", (0,), "0s", "critical", "quality", "Mismatched candles",
    ),
    Alert(
        "No prediction",
        "{{ .Values.B.Value }} symbols have an open candle without a prediction.",
        "See the log of `predictor`. The API answers 503 for them.",
        "gt", (0,), "3m", "critical", "prediction", "Every symbol now",
    ),
    Alert(
        "Coverage",
        "The 90 % interval of {{ .Labels.symbol }} contained the close in "
        "{{ humanizePercentage .Values.B.Value }} of the predictions for its last 500 candles.",
        "See the panel Coverage in Models, and request a training with `candlewick train`.",
        "outside_range", (0.85, 0.95), "0s", "warning", "models", "Coverage", missing="OK",
    ),
    Alert(
        "Skill below zero",
        "For a day the champion of {{ .Labels.symbol }} has been worse than the last price: skill "
        "{{ humanizePercentage .Values.B.Value }}. It should have been replaced.",
        "See the panel Scoreboard in Models; `candlewick models promote` promotes another model.",
        "lt", (0,), "0s", "warning", "models", "Scoreboard", missing="OK",
    ),
    Alert(
        "Reliability",
        "The chance that {{ .Labels.symbol }} closes up is not reliable: in one tenth of it, "
        "claimed and happened are {{ humanizePercentage .Values.B.Value }} apart.",
        "See the panel Reliability in Models, and request a training with `candlewick train`.",
        "gt", (0.05,), "0s", "warning", "models", "Reliability", missing="OK",
    ),
    Alert(
        "Consumer lag",
        "{{ .Labels.group }} is {{ .Values.B.Value }} records behind on {{ .Labels.topic }}.",
        "Start another worker, or see the log of the worker that stands still.",
        "gt", (5_000,), "5m", "warning", "pipeline", "Records behind, by group",
    ),
    Alert(
        "Disk",
        "{{ humanizePercentage .Values.B.Value }} of disk {{ .Labels.disk }} is free.",
        "Free some space, or keep trades for fewer days: CANDLEWICK_LIFECYCLE__TRADES_DAYS.",
        "lt", (0.1,), "5m", "critical", "pipeline", "Disk",
    ),
    Alert(
        "Disk full soon",
        "The disk of ClickHouse is full in {{ .Values.B.Value }} days, as its tables grow.",
        "See `candlewick doctor` for what grows most. Keep less (CANDLEWICK_LIFECYCLE__…), or make "
        "room.",
        "lt", (SOON_DAYS,), "30m", "warning", "pipeline", "Disk", missing="OK",
    ),
)  # fmt: skip


class Expression(Dataquery, Builder[Dataquery]):
    """A server-side expression.

    Source: Grafana, pkg/expr/models.go and pkg/expr/threshold.go.
    """

    def __init__(self, ref_id: str, kind: str, **rest: object) -> None:
        self._fields = {"refId": ref_id, "type": kind, "datasource": EXPRESSIONS, **rest}

    def build(self) -> Dataquery:
        """Return the expression."""
        return self

    def to_json(self) -> dict[str, object]:
        """Return the expression in Grafana's JSON form."""
        return self._fields


def rule_group() -> model.RuleGroup:
    """Build the group of all rules, which Grafana evaluates every minute."""
    group = RuleGroup(GROUP).folder_uid(FOLDER).interval(EVERY_S)
    panels = {key: board.panels or [] for key, board in boards().items()}
    for alert in ALERTS:
        group.with_rule(_rule(alert, panels[alert.board]))
    return group.build()


def _rule(alert: Alert, panels: Sequence[object]) -> Rule:
    rule = (
        Rule(alert.title).uid(f"candlewick-{slug(alert.title)}").folder_uid(FOLDER)
        .rule_group(GROUP).org_id(1).for_val(alert.lasting).condition("C")
        .no_data_state(alert.missing).exec_err_state("Error").is_paused(False)
        .notification_settings(NotificationSettings().receiver(RECEIVER))
        .labels({"severity": alert.severity, "system": "candlewick"})
        .annotations({
            "summary": alert.says,
            "description": alert.do,
            "__dashboardUid__": f"candlewick-{alert.board}",
            "__panelId__": str(_panel_id(alert, panels)),
        })
    )  # fmt: skip
    for ref_id, source, query in _steps(alert):
        rule.with_query(_query(ref_id, source, query))
    return rule


def _panel_id(alert: Alert, panels: Sequence[object]) -> int:
    """Return the number of the alert's panel; Grafana wants it beside the dashboard."""
    found = {panel.title: panel.id_val for panel in panels if isinstance(panel, Panel)}
    return int(found[alert.panel] or 0)


def _steps(alert: Alert) -> tuple[tuple[str, str, Builder[Dataquery]], ...]:
    asked = ClickHouseQuery(load(f"alert-{slug(alert.title)}"), form="table")
    last = Expression("B", "reduce", expression="A", reducer="last")
    evaluator = {"type": alert.compared, "params": list(alert.bounds)}
    compared = Expression("C", "threshold", expression="B", conditions=[{"evaluator": evaluator}])
    return ("A", UID, asked), ("B", "__expr__", last), ("C", "__expr__", compared)


def _query(ref_id: str, source: str, query: Builder[Dataquery]) -> Query:
    return (
        Query(ref_id).datasource_uid(source).query_type("")
        .relative_time_range(model.RelativeTimeRange(from_val=600, to=0)).model(query)
    )  # fmt: skip
