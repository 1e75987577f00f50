"""The dashboard Market: prices, volumes and trades."""

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
    """Define the dashboard Market."""
    found = Board(
        "market",
        "Market",
        "Prices and volumes from the exchange's trades, for one symbol and for all.",
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
    """Define a panel of candles in our colours, for columns with the plugin's usual names."""
    columns = (
        CandlestickFieldMap().open("open").high("high").low("low").close("close").volume("volume")
    )
    colours = CandlestickColors().up(GREEN).down(RED).flat(GREY)
    return (
        Candlestick().mode(VizDisplayMode.CANDLES_VOLUME).fields(columns).colors(colours)
        .unit(style.PRICE).decimals(style.PRICE_DECIMALS)
        .legend(style.legend()).tooltip(style.tooltip())
    )  # fmt: skip


def _figures(found: Board) -> None:
    found.add(
        style.figure(style.PRICE, decimals=style.PRICE_DECIMALS),
        "Last price",
        "Price of the newest trade, in the symbol's quote asset. If it stands still while the "
        "exchange moves, look at Age of the newest trade.",
        size=(5, 4),
    )
    found.add(
        style.judged(SHARE, (None, RED), (0, GREEN), decimals=2),
        "24 h change",
        "Change of the price in the last 24 hours; none for a symbol that is younger. It shows the "
        "market; no action is needed.",
        size=(4, 4),
    )
    found.add(
        style.figure("short", decimals=1),
        "24 h volume",
        "Volume of the last 24 hours, in the symbol's quote asset. Far below the exchange's own "
        "figure: candles are missing, see Data quality.",
        size=(5, 4),
    )
    found.add(
        style.figure("short", decimals=0),
        "Trades a minute",
        "Trades in the last closed minute. Zero for a busy symbol: the stream may be silent, see "
        "Pipeline.",
        size=(5, 4),
    )
    found.add(
        style.judged("s", (None, GREEN), (30, AMBER), (120, RED), decimals=1),
        "Age of the newest trade",
        "Time since the newest stored trade of this symbol. Red for a busy symbol: look at "
        "Pipeline. The alert Stream silent fires when no symbol has trades.",
        size=(5, 4),
    )


def _prices(found: Board) -> None:
    found.add(
        candlestick(),
        "Candles",
        "Candles made from trades, or the exchange's own where ours miss trades; the last one is "
        "open. If candles are missing, see Completeness calendar in Data quality.",
        size=(16, 14),
    )
    found.add(
        style.lines(style.PRICE, decimals=style.PRICE_DECIMALS, least="1s")
        .time_from("15m")
        .override_by_name("price", style.painted(BLUE))
        .override_by_name("average", style.painted(AMBER)),
        "Price of the last 15 minutes",
        "Price by second, with the average weighted by quantity. A lasting gap in the line of a "
        "busy symbol means missed trades: see Gaps in Data quality.",
        size=(8, 7),
    )
    found.add(
        style.bars("short")
        .override_by_name("bought", style.painted(GREEN))
        .override_by_name("sold", style.painted(RED)),
        "Bought and sold",
        "Volume in the quote asset by taker: buyers upwards, sellers downwards. No action is "
        "needed, but one side missing for a long time would be a fault in the trades.",
        size=(8, 7),
    )


def _all_symbols(found: Board) -> None:
    change = style.coloured((None, RED), (0, GREEN))
    move = [*style.unit(SHARE, 2), *change]
    found.add(
        style.table()
        .override_by_name("last", style.price())
        .override_by_name("24 h", move)
        .override_by_name("1 h", move)
        .override_by_name("high", style.price())
        .override_by_name("low", style.price())
        .override_by_name("volume", style.unit("short", 1))
        .override_by_name("trades a minute", style.unit("short", 1))
        .override_by_regexp("^(symbol)$", [_to_market()]),
        "All symbols",
        "The last 24 hours of every symbol; click a symbol to show it above. A symbol that is "
        "missing here has had no candle for a day.",
        size=(14, 11),
    )
    found.add(
        style.lines(SHARE, decimals=2),
        "Change since the left edge",
        "Change of every symbol's price since the start of the time range. A line that ends early: "
        "the symbol has had no candles since.",
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
        "Newest figures from CoinGecko of the last day. Empty: the process `coins` is not running, "
        "or CoinGecko rejects its requests (see the log of `coins`).",
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
        "Market capitalisation of the twelve largest coins. It is as old as the table Coins; no "
        "action is needed.",
        size=(10, 11),
    )


def _to_market() -> DynamicConfigValue:
    link = {"title": "Show it", "url": "/d/candlewick-market?var-symbol=${__value.raw}"}
    return DynamicConfigValue("links", [link])
