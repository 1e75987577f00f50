"""The dashboard Prediction: the predicted close of the open candle, and past predictions."""

from grafana_foundation_sdk.builders import common as shared
from grafana_foundation_sdk.builders.barchart import Panel as BarChart
from grafana_foundation_sdk.builders.statushistory import Panel as StatusHistory
from grafana_foundation_sdk.models.candlestick import VizDisplayMode
from grafana_foundation_sdk.models.common import VisibilityMode
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from grafana import style, variables
from grafana.boards.market import candlestick
from grafana.builder import Board
from grafana.style import AMBER, BLUE, GREEN, GREY, RED, VIOLET

POINTS = "suffix: bp"


def board() -> Board:
    """Define the dashboard Prediction."""
    found = Board(
        "prediction",
        "Prediction",
        "Predicted close of the open 15-minute candle, with the interval that nine of ten closes "
        "fall into, and the outcomes of earlier predictions.",
        since="now-6h",
        refresh="5s",
    )
    found.variable(variables.symbol())
    found.variable(variables.model())
    found.events("Gaps", "gap", RED)
    found.events("Drift", "drift", AMBER)
    found.events("Promotions", "promoted", BLUE)
    found.events("Champions of the chance", "chance-champion", VIOLET)
    _now(found)
    _afterwards(found)
    return found


def _now(found: Board) -> None:
    found.add(
        style.figure(style.PRICE, decimals=style.PRICE_DECIMALS, fields="/.*/")
        .override_by_name("expected move", style.unit(POINTS, 2))
        .override_by_name("closes in", style.unit("s", 0)),
        "Open candle",
        "The newest prediction: the close of the open candle, and the interval for nine of ten "
        "cases. Expect a move near zero: the direction is close to a coin toss, so use the "
        "interval. Empty: the predictor is not running, see Pipeline.",
        size=(24, 4),
    )
    found.add(
        candlestick()
        .mode(VizDisplayMode.CANDLES)
        .include_all_fields(True)
        .override_by_name("predicted", style.painted(BLUE))
        .override_by_name("90 % from", style.edge(BLUE))
        .override_by_name("90 % to", style.edge(BLUE, fill_to="90 % from")),
        "Candles with the predicted close",
        "One-minute candles, each with the prediction made when it opened: the close of its "
        "quarter-hour and the 90 % interval, which narrows towards the close. If prices leave the "
        "band more than once in ten quarter-hours, look at Coverage in Models.",
        size=(15, 18),
    )
    found.add(
        style.lines(style.PRICE, decimals=style.PRICE_DECIMALS, least="5s")
        .time_from("15m")
        .override_by_name("last price", style.painted(AMBER))
        .override_by_name("predicted", style.painted(BLUE))
        .override_by_regexp("^50 % from$", style.edge(BLUE))
        .override_by_regexp("^50 % to$", style.edge(BLUE, fill_to="50 % from"))
        .override_by_regexp("^90 % from$", style.edge(BLUE))
        .override_by_regexp("^90 % to$", style.edge(BLUE, fill_to="90 % from")),
        "The open candle, answer by answer",
        "Every prediction for the open candle, one every five seconds. If the line stops, there "
        "are no new predictions, and the alert No prediction fires.",
        size=(9, 6),
    )
    found.add(
        style.lines("percentunit", decimals=0, least="5s")
        .time_from("15m")
        .min(0)
        .max(1)
        .override_by_name("chance to close up", style.painted(GREEN)),
        "Chance of the open candle",
        "The probability that the candle closes at or above its open, by the champion of the "
        "chance. It starts near 50 % and goes to one side as the candle ends. Empty: the open is "
        "not known, because the candle's first minute is missing.",
        size=(9, 5),
    )
    found.add(
        style.table()
        .override_by_name("predicted", style.price())
        .override_by_name("move", style.unit(POINTS, 2))
        .override_by_name("90 % width", style.unit(POINTS, 1))
        .override_by_name("up", style.unit("percentunit", 0))
        .override_by_name(
            "age", [*style.unit("s"), *style.coloured((None, GREEN), (30, AMBER), (90, RED))]
        ),
        "Every symbol now",
        "The newest prediction of each symbol, its model, and the chance to close up. State "
        "`cold`: history is still missing, wait for the backfill. Red age: the symbol's "
        "predictions have stopped.",
        size=(9, 7),
    )


def _afterwards(found: Board) -> None:
    found.row("Outcomes of the predictions")
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
        "Predicted against true close, in basis points, for the prediction one minute after the "
        "open; the band is its 90 % interval. If more than one point in ten is outside for hours, "
        "the interval is too narrow: see Models.",
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
        "Each column is a candle, each row a prediction by minutes to the close; green if the "
        "close was inside the 90 % interval. One cell in ten should be red. A red column is a "
        "shock in the market, a red row a fault of the model at that minute.",
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
        "Mean absolute error of the chosen model and of the reference, which repeats the last "
        "price. Equal bars are normal; a clearly worse champion should have been replaced: see "
        "Versions and promotions in Models.",
        size=(12, 9),
    )
    found.add(
        style.table()
        .override_by_name("predicted", style.price())
        .override_by_name("closed", style.price())
        .override_by_name("error", style.unit(POINTS, 1))
        .override_by_name("90 % width", style.unit(POINTS, 1))
        .override_by_name("inside", style.named({"50 %": GREEN, "90 %": BLUE, "outside": RED})),
        "Outcomes",
        "The first prediction of each candle and its outcome. Single misses need no action: one in "
        "ten is expected.",
        size=(12, 9),
    )
