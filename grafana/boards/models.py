"""Models: which of them are worth something, since when, and who speaks."""

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
from grafana.style import AMBER, BLUE, GREEN, GREY, RED

SHARE = "percentunit"
POINTS = "suffix: bp"
COLOURS = {
    "reference": GREY,
    "online": BLUE,
    "batch": AMBER,
    "forest": "#a06bd6",
    "lstm": "#d66b9a",
    "blend": GREEN,
}


def board() -> Board:
    """Return the dashboard."""
    found = Board(
        "models",
        "Models",
        "Skill against the naive reference, coverage of the intervals, drift, and every version.",
        since="now-7d",
        refresh="1m",
    )
    found.variable(variables.symbols())
    found.variable(variables.models())
    for name, kind, colour in (
        ("Promotions", "promoted", BLUE),
        ("Drift", "drift", AMBER),
        ("Trained", "trained", GREEN),
        ("Retired", "retired", GREY),
    ):
        found.events(name, kind, colour)
    _skill(found)
    _coverage(found)
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
            f"How much better than the reference {what} was: above zero is better, zero the same. "
            "A champion under zero for a day: the alert fires, and the next promotion should put "
            "another in its place; `candlewick models promote` does it at once.",
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
        "Share of closes inside the 90 % interval; it should stay between the dashed lines, 85 and "
        "95 %. Below for many hours: intervals are too narrow to rely on, train again "
        "(`candlewick train`). Above: they are wider than they need to be.",
        size=(8, 9),
        form="timeseries",
    )
    by_minutes = (
        Trend().unit(SHARE).x_field("minutes").line_width(1.5).legend(style.legend())
        .tooltip(style.tooltip()).axis_soft_min(0.8).axis_soft_max(1)
        .show_points(VisibilityMode.ALWAYS).point_size(4)
    )  # fmt: skip
    found.add(
        style.models(by_minutes, COLOURS),
        "Coverage by minutes to close",
        "The same by the minutes that were left when the question was asked. All should lie near "
        "90 %. One end far off: the interval's quantile at those minutes has too few cases yet, "
        "or the market changed; wait a day before training again.",
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
        "What share of closes fell inside each interval. A bar far from its promise over "
        "hundreds of cases: do not rely on that model's interval; train again.",
        size=(8, 9),
    )


def _life(found: Board) -> None:
    found.add(
        style.models(style.lines(POINTS, decimals=2), COLOURS),
        "Pinball loss",
        "What the intervals cost: width, and misses. It follows the market's volatility, so "
        "compare models, not days. A model that leaves the others upwards is broken.",
        size=(12, 8),
        form="timeseries",
    )
    found.add(
        StateTimeline()
        .show_value(VisibilityMode.NEVER)
        .row_height(0.85)
        .merge_values(True)
        .legend(style.legend())
        .mappings(style.numbered(COLOURS))
        .color_scheme(style.by_threshold()),
        "Who speaks",
        "The champion of each symbol over time. One that changes many times a day: models are so "
        "close that it does not matter; nothing to do.",
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
        "Each symbol and model over the time range; `spoke` is the share of questions that the "
        "model answered for the symbol. The one that speaks should be near the top of its symbol.",
        size=(14, 10),
    )
    found.add(
        style.table().override_by_name(
            "event",
            style.named(
                {"promoted": BLUE, "drift": AMBER, "trained": GREEN, "retired": GREY, "failed": RED}
            ),
        ),
        "Versions and promotions",
        "What happened to the models and why. `failed`: a training ended without a model, see "
        "`candlewick logs trainer`. Promote by hand: `candlewick models promote`.",
        size=(10, 10),
    )
    found.add(
        style.bars("short", least="1h").no_value("None in this time"),
        "Drift",
        "How often residuals were found not to be what they were, and a fresh challenger started. "
        "Many at once: the market changed; watch Coverage. Every hour: ask for a training.",
        size=(24, 5),
        form="timeseries",
    )


def _drawn(mode: GraphThresholdsStyleMode) -> GraphThresholdsStyleConfig:
    return GraphThresholdsStyleConfig().mode(mode)
