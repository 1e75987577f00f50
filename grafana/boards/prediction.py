"""Prediction: where the open candle is said to close, and how earlier ones were answered."""

from grafana_foundation_sdk.builders import common as shared
from grafana_foundation_sdk.builders.barchart import Panel as BarChart
from grafana_foundation_sdk.builders.statushistory import Panel as StatusHistory
from grafana_foundation_sdk.models.candlestick import VizDisplayMode
from grafana_foundation_sdk.models.common import VisibilityMode
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from grafana import style, variables
from grafana.boards.market import candlestick
from grafana.builder import Board
from grafana.style import AMBER, BLUE, GREEN, GREY, RED

POINTS = "suffix: bp"


def board() -> Board:
    """Return the dashboard."""
    found = Board(
        "prediction",
        "Prediction",
        "Where the open 15-minute candle will close, with the interval that nine of ten closes "
        "fall into, and what became of earlier answers.",
        since="now-6h",
        refresh="5s",
    )
    found.variable(variables.symbol())
    found.variable(variables.model())
    found.events("Gaps", "gap", RED)
    found.events("Drift", "drift", AMBER)
    found.events("Promotions", "promoted", BLUE)
    _now(found)
    _afterwards(found)
    return found


def _now(found: Board) -> None:
    found.add(
        style.figure("none", decimals=2, fields="/.*/")
        .override_by_name("expected move", style.unit(POINTS, 2))
        .override_by_name("closes in", style.unit("s", 0)),
        "Open candle",
        "The newest answer: where the open candle will close, and between which prices in nine "
        "of ten cases. Expect a move near zero: the direction is close to a coin toss, the "
        "interval is what to use. Nothing shown: the predictor does not run, see Pipeline.",
        size=(24, 4),
    )
    found.add(
        candlestick()
        .mode(VizDisplayMode.CANDLES)
        .include_all_fields(True)
        .unit("none")
        .override_by_name("predicted", style.painted(BLUE))
        .override_by_name("90 % from", style.edge(BLUE))
        .override_by_name("90 % to", style.edge(BLUE, fill_to="90 % from")),
        "Candles with the predicted close",
        "Minutes, and over each the answer given when it began: the predicted close of its "
        "quarter-hour and the 90 % interval, which narrows until the candle closes. Prices leaving "
        "the band more often than once in ten quarters: look at Coverage in Models.",
        size=(15, 13),
    )
    found.add(
        style.lines("none", least="5s")
        .time_from("15m")
        .override_by_name("last price", style.painted(AMBER))
        .override_by_name("predicted", style.painted(BLUE))
        .override_by_regexp("^50 % from$", style.edge(BLUE))
        .override_by_regexp("^50 % to$", style.edge(BLUE, fill_to="50 % from"))
        .override_by_regexp("^90 % from$", style.edge(BLUE))
        .override_by_regexp("^90 % to$", style.edge(BLUE, fill_to="90 % from")),
        "The open candle, answer by answer",
        "Every answer about the open candle, one in five seconds. A line that stops: nothing new "
        "was said; the alert No prediction follows.",
        size=(9, 6),
    )
    found.add(
        style.table()
        .override_by_name("move", style.unit(POINTS, 2))
        .override_by_name("90 % width", style.unit(POINTS, 1))
        .override_by_name(
            "age", [*style.unit("s"), *style.coloured((None, GREEN), (30, AMBER), (90, RED))]
        ),
        "Every symbol now",
        "The newest answer for each symbol and who gave it. State `cold` means that history is "
        "still missing: wait for the backfill. Red age: that symbol's predictions have stopped.",
        size=(9, 7),
    )


def _afterwards(found: Board) -> None:
    found.row("What became of the answers")
    found.add(
        style.lines(POINTS, decimals=1)
        .override_by_name(
            "error",
            [
                *style.painted(AMBER),
                DynamicConfigValue("custom.drawStyle", "points"),
                DynamicConfigValue("custom.showPoints", "always"),
                DynamicConfigValue("custom.pointSize", 6),
            ],
        )
        .override_by_name("half the 90 % band", style.edge(BLUE, fill_to="minus half"))
        .override_by_name("minus half", style.edge(BLUE)),
        "Error of the first answer",
        "Predicted against true close, in hundredths of a per cent, of the answer given a minute "
        "after the candle opened; the band is its 90 % interval. More than one point in ten "
        "outside for hours: the interval is too narrow, see Models.",
        size=(12, 9),
    )
    found.add(
        StatusHistory()
        .show_value(VisibilityMode.NEVER)
        .row_height(0.92)
        .col_width(0.96)
        .legend(style.legend())
        .mappings(style.numbered({"outside": RED, "inside": GREEN})),
        "Inside the 90 % band",
        "Each column is a candle, each row a question, by minutes to its close: green where the "
        "close fell inside the 90 % interval. One cell in ten should be red; red in whole "
        "columns is a shock in the market, red in whole rows a fault of the model at that minute.",
        size=(12, 9),
        form="timeseries",
    )
    found.add(
        BarChart()
        .unit(POINTS)
        .decimals(1)
        .x_field("left")
        .show_value(VisibilityMode.NEVER)
        .group_width(0.75)
        .legend(style.legend())
        .tooltip(style.tooltip())
        .text(shared.VizTextDisplayOptions().value_size(10))
        .override_by_name("chosen", style.painted(BLUE))
        .override_by_name("reference", style.painted(GREY)),
        "Error by minutes to close",
        "Mean absolute error of the chosen model beside the reference, which simply repeats the "
        "last price. Equal bars are normal; a model that is clearly worse should have lost its "
        "place: see Versions and promotions in Models.",
        size=(12, 9),
    )
    found.add(
        style.table()
        .override_by_name("error", style.unit(POINTS, 1))
        .override_by_name("90 % width", style.unit(POINTS, 1))
        .override_by_name("inside", style.named({"50 %": GREEN, "90 %": BLUE, "outside": RED})),
        "Outcomes",
        "The first answer to each candle and how it ended. Nothing to do for single misses: one in "
        "ten is promised.",
        size=(12, 9),
    )
