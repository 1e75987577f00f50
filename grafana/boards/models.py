"""The dashboard Models: skill, calibration, champions and versions of the models."""

from grafana_foundation_sdk.builders.barchart import Panel as BarChart
from grafana_foundation_sdk.builders.common import GraphThresholdsStyleConfig
from grafana_foundation_sdk.builders.statetimeline import Panel as StateTimeline
from grafana_foundation_sdk.builders.trend import Panel as Trend
from grafana_foundation_sdk.models.common import (
    GraphThresholdsStyleMode,
    VisibilityMode,
    VizOrientation,
)

from grafana import style, variables
from grafana.builder import Board
from grafana.style import AMBER, BLUE, GREEN, GREY, RED, VIOLET

SHARE = "percentunit"
POINTS = "suffix: bp"
COLOURS = {
    "reference": GREY,
    "online": BLUE,
    "batch": AMBER,
    "forest": VIOLET,
    "lstm": "#d66b9a",
    "blend": GREEN,
}
# Where models stand side by side, all that are not ours are one: their names are not known here.
SIDE_BY_SIDE = COLOURS | {"own": "#3aa6a6"}


def board() -> Board:
    """Define the dashboard Models."""
    found = Board(
        "models",
        "Models",
        "Skill against the naive reference, coverage of the intervals, reliability of the chance "
        "to close up, drift and versions.",
        since="now-7d",
        refresh="1m",
    )
    found.variable(variables.symbols())
    found.variable(variables.models())
    for name, kind, colour in (
        ("Promotions", "promoted", BLUE),
        ("Champions of the chance", "chance-champion", VIOLET),
        ("Drift", "drift", AMBER),
        ("Trained", "trained", GREEN),
        ("Retired", "retired", GREY),
    ):
        found.events(name, kind, colour)
    _skill(found)
    _coverage(found)
    _chance(found)
    _life(found)
    return found


def _skill(found: Board) -> None:
    for title, what in (
        ("Skill of the interval", "the interval (pinball loss)"),
        ("Skill of the point", "the predicted close (squared error)"),
    ):
        found.add(
            style.models(style.lines(SHARE, decimals=1), COLOURS)
            .thresholds(style.steps((None, RED), (0, "transparent")))
            .thresholds_style(_drawn(GraphThresholdsStyleMode.DASHED)),
            title,
            f"How much better than the reference {what} was: above zero is better, zero is equal. "
            "If a champion is below zero for a day, an alert fires, and the next promotion should "
            "replace it; `candlewick models promote` does so at once.",
            size=(12, 9),
            form="timeseries",
        )


def _coverage(found: Board) -> None:
    found.add(
        style.models(style.lines(SHARE, decimals=1), COLOURS)
        .thresholds(style.steps((None, RED), (0.85, "transparent"), (0.95, AMBER)))
        .thresholds_style(_drawn(GraphThresholdsStyleMode.DASHED))
        .axis_soft_min(0.8)
        .axis_soft_max(1),
        "Coverage",
        "Share of closes inside the 90 % interval; it should stay between the dashed lines at 85 "
        "and 95 %. Below for many hours: the intervals are too narrow, train again (`candlewick "
        "train`). Above: they are wider than necessary, or the price has too few steps for 90 %, "
        "as that of a stablecoin.",
        size=(8, 9),
        form="timeseries",
    )
    by_minutes = (
        Trend().unit(SHARE).x_field("minutes").line_width(1.5).legend(style.legend())
        .tooltip(style.tooltip()).axis_soft_min(0.8).axis_soft_max(1)
        .show_points(VisibilityMode.ALWAYS).point_size(4)
    )  # fmt: skip
    found.add(
        style.models(by_minutes, SIDE_BY_SIDE).override_by_name("minutes", style.unit("none", 0)),
        "Coverage by minutes to close",
        "Coverage by the minutes left to the close when the model answered; all should be near "
        "90 %. If one end is far off, there are too few cases for those minutes, or the market "
        "has changed; wait a day before training again. `own`: models of your own, together.",
        size=(8, 9),
    )
    found.add(
        BarChart()
        .unit(SHARE)
        .decimals(0)
        .min(0)
        .max(1)
        .x_field("name")
        .orientation(VizOrientation.VERTICAL)
        .show_value(VisibilityMode.ALWAYS)
        .legend(style.legend())
        .override_by_name("promised 50 %", style.painted(GREEN))
        .override_by_name("promised 90 %", style.painted(BLUE)),
        "Calibration",
        "Share of closes inside each interval. A bar far from its promised share over hundreds of "
        "cases: do not rely on that model's interval, and train again.",
        size=(8, 9),
    )


def _chance(found: Board) -> None:
    found.add(
        style.models(style.lines(SHARE, decimals=1), COLOURS)
        .thresholds(style.steps((None, RED), (0, "transparent")))
        .thresholds_style(_drawn(GraphThresholdsStyleMode.DASHED)),
        "Skill of the chance",
        "How much better than the reference's the chance to close up was (Brier score): above zero "
        "is better. Short ranges are noisy. If the champion of the chance is below zero for days, "
        "request a training (`candlewick train`).",
        size=(12, 9),
        form="timeseries",
    )
    by_tenth = (
        Trend().unit(SHARE).decimals(0).x_field("claimed").line_width(1.5).legend(style.legend())
        .tooltip(style.tooltip()).axis_soft_min(-0.1).axis_soft_max(0.1)
        .show_points(VisibilityMode.ALWAYS).point_size(4)
        .thresholds(style.steps((None, RED), (-0.05, "transparent"), (0.05, RED)))
        .thresholds_style(_drawn(GraphThresholdsStyleMode.DASHED))
    )  # fmt: skip
    found.add(
        style.models(by_tenth, SIDE_BY_SIDE).override_by_name("claimed", style.unit(SHARE, 0)),
        "Reliability",
        "Share of candles that closed up minus the chance that was given, by tenths of the chance; "
        "zero is right. Over two weeks all should stay between the dashed lines at 5 points. If "
        "the champion of the chance does not, do not rely on its chance, and train again. `own`: "
        "models of your own, together.",
        size=(12, 9),
    )


def _life(found: Board) -> None:
    found.add(
        style.models(style.lines(POINTS, decimals=2), COLOURS),
        "Pinball loss",
        "Loss of the intervals, from their width and misses. It follows the market's volatility, "
        "so compare models, not days. A model that rises far above the others is broken.",
        size=(12, 8),
        form="timeseries",
    )
    found.add(
        StateTimeline()
        .show_value(VisibilityMode.NEVER)
        .row_height(0.85)
        .merge_values(True)
        .legend(style.legend())
        .mappings(style.numbered(SIDE_BY_SIDE))
        .color_scheme(style.by_threshold()),
        "Who speaks",
        "The champion of each symbol over time. If it changes many times a day, the models are too "
        "close for it to matter; no action is needed. `own`: a model of your own.",
        size=(12, 8),
        form="timeseries",
    )
    skill = [*style.unit(SHARE, 1), *style.coloured((None, RED), (0, GREEN))]
    inside = [*style.unit(SHARE, 1)]
    found.add(
        style.table()
        .override_by_name("interval skill", skill)
        .override_by_name("point skill", skill)
        .override_by_name(
            "in 90 %",
            [*inside, *style.coloured((None, RED), (0.85, GREEN), (0.95, AMBER))],
        )
        .override_by_name("in 50 %", inside)
        .override_by_name("spoke", inside)
        .override_by_name("90 % width", style.unit(POINTS, 1)),
        "Scoreboard",
        "Each symbol and model over the time range; `spoke` is the share of predictions for which "
        "the model was champion. The champion should be near the top of its symbol. Amber `in 90 "
        "%` of a stablecoin needs no action: its price has too few steps for 90 %.",
        size=(14, 10),
    )
    found.add(
        style.table().override_by_name(
            "event",
            style.named(
                {"promoted": BLUE, "chance-champion": VIOLET, "drift": AMBER, "trained": GREEN}
                | {"retired": GREY, "failed": RED}
            ),
        ),
        "Versions and promotions",
        "Events of the models and their reasons. `failed`: a training ended without a model, see "
        "the log of `trainer`. To promote by hand, use `candlewick models promote`.",
        size=(10, 10),
    )
    found.add(
        style.bars("short", least="1h").no_value("None in this time range"),
        "Drift",
        "How often the residuals of a model changed, so that a fresh challenger started. Many at "
        "once: the market has changed, watch Coverage. Every hour: request a training.",
        size=(24, 5),
        form="timeseries",
    )


def _drawn(mode: GraphThresholdsStyleMode) -> GraphThresholdsStyleConfig:
    return GraphThresholdsStyleConfig().mode(mode)
