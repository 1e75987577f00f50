"""Data quality: what is missing, what differs from the exchange, what was mended."""

from grafana_foundation_sdk.builders.statushistory import Panel as StatusHistory
from grafana_foundation_sdk.models.common import VisibilityMode
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from grafana import style
from grafana.builder import Board
from grafana.style import AMBER, BLUE, GREEN, GREY, RED

NONE = "None, as it should be"
BAD_FROM_ONE = ((None, GREEN), (1, RED))
COUNTS = {
    "Open gaps": "Runs of trades that are known to be missing and still looked for. Above zero for "
    "more than five minutes: the exchange's REST does not answer, see `candlewick logs stream`.",
    "Mismatches": "15m candles that differ from the exchange's own. Anything but zero is a fault: "
    "see Mismatched candles, then `candlewick audit`.",
    "Dead letters": "Records that nobody could read. Above zero: see Dead letters and why.",
}
RESULTS = {
    "verified": GREEN,
    "only-ours": BLUE,
    "only-exchange": GREY,
    "gapped": AMBER,
    "mismatch": RED,
}


def board() -> Board:
    """Return the dashboard."""
    found = Board(
        "quality",
        "Data quality",
        "Whether anything is missing or differs from the exchange's own candles, in all symbols.",
        since="now-14d",
        refresh="1m",
    )
    found.events("Gaps", "gap", RED)
    _figures(found)
    _candles(found)
    _gaps(found)
    _letters(found)
    return found


def _figures(found: Board) -> None:
    for title, text in COUNTS.items():
        found.add(
            style.figure("short", decimals=0)
            .thresholds(style.steps(*BAD_FROM_ONE))
            .color_scheme(style.by_threshold()),
            title,
            text,
            size=(5, 4),
        )
    found.add(
        style.figure("percentunit", decimals=3)
        .thresholds(style.steps((None, RED), (0.999, AMBER), (1, GREEN)))
        .color_scheme(style.by_threshold()),
        "Complete",
        "Of the 15m candles that there should be, how many are held whole. Under 100 %: see the "
        "calendar for the day, then `candlewick completeness` and `candlewick backfill`.",
        size=(5, 4),
    )
    found.add(
        style.figure("short", decimals=0),
        "Revised candles",
        "15m candles that came again after they were closed, because a gap was repaired or a trade "
        "came late. A few are the pipeline doing its work; hundreds mean a bad connection.",
        size=(4, 4),
    )


def _candles(found: Board) -> None:
    found.add(
        StatusHistory()
        .unit("percentunit")
        .decimals(1)
        .show_value(VisibilityMode.NEVER)
        .row_height(0.9)
        .col_width(0.95)
        .legend(style.legend())
        .color_scheme(style.by_threshold())
        .thresholds(style.steps((None, RED), (0.99, AMBER), (0.99999, GREEN))),
        "Completeness calendar",
        "Each day and symbol: green where every 15m candle is held whole. Red, amber or an empty "
        "cell between others: `candlewick completeness` says what is missing, `candlewick "
        "backfill` fetches it. Before a symbol's first candle there is nothing.",
        size=(12, 11),
        form="timeseries",
    )
    results = style.bars("short", least="15m")
    for name, colour in RESULTS.items():
        results = results.override_by_name(name, style.painted(colour))
    found.add(
        results,
        "Our candles and the exchange's",
        "15m candles by what the comparison said. Blue: the exchange's has not been fetched yet. "
        "Grey: we had no trades, for example before the start. Red is a fault: see the table "
        "below.",
        size=(12, 11),
        form="timeseries",
    )
    found.add(
        style.table().no_value(NONE).override_by_name("differs", style.coloured((None, RED))),
        "Mismatched candles",
        "Which fields differ. Empty is good. Otherwise `candlewick audit` shows both candles in "
        "full; look for a gap of that time beside it.",
        size=(24, 5),
    )


def _gaps(found: Board) -> None:
    found.add(
        style.table()
        .override_by_name("took", style.unit("s", 1))
        .override_by_name("now", style.named({"found": RED, "repaired": GREEN, "given-up": AMBER})),
        "Gaps",
        "Jumps in the trade ids, the open ones first. `found` for more than five minutes: see the "
        "log of the stream. `given-up`: the exchange would not give the trades; the candle stays "
        "gapped and the exchange's own is shown in its place.",
        size=(14, 9),
    )
    found.add(
        style.lines("s").override_by_field_type(
            "number",
            [
                DynamicConfigValue("custom.drawStyle", "points"),
                DynamicConfigValue("custom.showPoints", "always"),
                DynamicConfigValue("custom.pointSize", 7),
            ],
        ),
        "Time to repair",
        "From noticing a gap to having its trades. Over a minute often: the exchange's request "
        "limit is used up, by a backfill perhaps.",
        size=(10, 9),
        form="timeseries",
    )


def _letters(found: Board) -> None:
    found.add(
        style.bars("short", least="15m").no_value(NONE),
        "Revisions",
        "Candles that came again, by symbol. A burst after a gap is as it should be.",
        size=(12, 6),
        form="timeseries",
    )
    found.add(
        style.table().no_value(NONE).override_by_name("records", style.coloured((None, RED))),
        "Dead letters and why",
        "Records that could not be read, by reason. Empty is good. Otherwise `candlewick "
        "dead-letters` shows them; a new program may be writing into our topics.",
        size=(12, 6),
    )
