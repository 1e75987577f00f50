"""Market: what is traded, and at what price."""

from grafana_foundation_sdk.builders import common as shared
from grafana_foundation_sdk.builders.bargauge import Panel as BarGauge
from grafana_foundation_sdk.builders.candlestick import CandlestickColors, CandlestickFieldMap
from grafana_foundation_sdk.builders.candlestick import Panel as Candlestick
from grafana_foundation_sdk.models.candlestick import VizDisplayMode
from grafana_foundation_sdk.models.common import BarGaugeDisplayMode, VizOrientation
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from grafana import style, variables
from grafana.builder import Board
from grafana.style import AMBER, BLUE, GREEN, GREY, RED

MONEY = "currencyUSD"
SHARE = "percentunit"


def board() -> Board:
    """Return the dashboard."""
    found = Board(
        "market",
        "Market",
        "Prices and volumes as the exchange's trades make them, of one symbol and of all.",
        since="now-12h",
        refresh="5s",
    )
    found.variable(variables.symbol())
    found.variable(variables.interval())
    found.events("Gaps", "gap", RED)
    _figures(found)
    _prices(found)
    _all_symbols(found)
    _coins(found)
    return found


def candlestick() -> Candlestick:
    """Return a panel of candles in our colours, whose columns have the plugin's usual names."""
    columns = (
        CandlestickFieldMap().open("open").high("high").low("low").close("close").volume("volume")
    )
    colours = CandlestickColors().up(GREEN).down(RED).flat(GREY)
    return (
        Candlestick().mode(VizDisplayMode.CANDLES_VOLUME).fields(columns).colors(colours)
        .legend(style.legend()).tooltip(style.tooltip())
    )  # fmt: skip


def _figures(found: Board) -> None:
    found.add(
        style.figure("none", decimals=2),
        "Last price",
        "The newest trade's price, in the symbol's quote. Where it stands still while the exchange "
        "moves, look at the age beside it.",
        size=(5, 4),
    )
    found.add(
        style.figure(SHARE, decimals=2)
        .thresholds(style.steps((None, RED), (0, GREEN)))
        .color_scheme(style.by_threshold()),
        "24 h change",
        "From 24 hours ago until now. Nothing to do: it is the market.",
        size=(4, 4),
    )
    found.add(
        style.figure("short", decimals=1),
        "24 h volume",
        "Traded in 24 hours, in the symbol's quote. Far under the exchange's own figure: candles "
        "are missing, see Data quality.",
        size=(5, 4),
    )
    found.add(
        style.figure("short", decimals=0),
        "Trades a minute",
        "Trades in the last closed minute. Zero on a busy symbol: see Pipeline, the stream may be "
        "silent.",
        size=(5, 4),
    )
    found.add(
        style.figure("s", decimals=1)
        .thresholds(style.steps((None, GREEN), (30, AMBER), (120, RED)))
        .color_scheme(style.by_threshold()),
        "Age of the newest trade",
        "Since the newest stored trade of this symbol. Red on a busy symbol: look at Pipeline; the "
        "alert Stream silent tells about all symbols at once.",
        size=(5, 4),
    )


def _prices(found: Board) -> None:
    found.add(
        candlestick().unit("none"),
        "Candles",
        "Candles made from trades, or the exchange's own where ours miss trades; the last one is "
        "open. A hole in the row of candles: see Completeness in Data quality.",
        size=(16, 14),
    )
    found.add(
        style.lines("none", least="1s")
        .time_from("15m")
        .override_by_name("price", style.painted(BLUE))
        .override_by_name("average", style.painted(AMBER)),
        "Price of the last 15 minutes",
        "Second by second, with the average price weighted by quantity. A gap in the line of "
        "a busy symbol that stays: trades were missed, see Gaps in Data quality.",
        size=(8, 7),
    )
    found.add(
        style.bars("short")
        .override_by_name("bought", style.painted(GREEN))
        .override_by_name("sold", style.painted(RED)),
        "Bought and sold",
        "Volume in quote by who accepted the other's price: buyers upwards, sellers downwards. "
        "Nothing to do; one side missing for long would be a fault in the trades.",
        size=(8, 7),
    )


def _all_symbols(found: Board) -> None:
    change = style.coloured((None, RED), (0, GREEN))
    move = [*style.unit(SHARE, 2), *change]
    found.add(
        style.table()
        .override_by_name("24 h", move)
        .override_by_name("1 h", move)
        .override_by_name("volume", style.unit("short", 1))
        .override_by_name("trades a minute", style.unit("short", 1))
        .override_by_regexp("^(symbol)$", [_to_market()]),
        "All symbols",
        "The last 24 hours of every symbol; the symbol is a link that shows it above. A symbol "
        "that is missing here has had no candle for a day.",
        size=(14, 11),
    )
    found.add(
        style.lines(SHARE, decimals=2),
        "Change since the left edge",
        "Every symbol from the same zero. A line that ends early: that symbol has had no "
        "candles since.",
        size=(10, 11),
        form="timeseries",
    )


def _coins(found: Board) -> None:
    move = [*style.unit(SHARE, 1), *style.coloured((None, RED), (0, GREEN))]
    found.add(
        style.table()
        .override_by_name("price", style.unit(MONEY))
        .override_by_name("capitalisation", style.unit(MONEY, 1))
        .override_by_name("volume", style.unit(MONEY, 1))
        .override_by_name("turnover", style.unit(SHARE, 1))
        .override_by_name("below its high", style.unit(SHARE, 1))
        .override_by_name("24 h", move),
        "Coins",
        "As CoinGecko describes them; the newest of the last day. Empty: the process `coins` does "
        "not run, or CoinGecko refuses it (see its log).",
        size=(14, 11),
    )
    found.add(
        BarGauge()
        .unit(MONEY)
        .decimals(1)
        .orientation(VizOrientation.HORIZONTAL)
        .display_mode(BarGaugeDisplayMode.BASIC)
        .reduce_options(shared.ReduceDataOptions().values(True).calcs(["lastNotNull"]).fields(""))
        .color_scheme(style.fixed(BLUE)),
        "Capitalisation",
        "Market capitalisation by coin, the twelve largest. Nothing to do; stale where the table "
        "beside it is.",
        size=(10, 11),
    )


def _to_market() -> DynamicConfigValue:
    link = {"title": "Show it", "url": "/d/candlewick-market?var-symbol=${__value.raw}"}
    return DynamicConfigValue("links", [link])
