"""The dashboard Data quality: missing, differing, revised and unreadable data."""

from grafana_foundation_sdk.builders.statushistory import Panel as StatusHistory
from grafana_foundation_sdk.models.common import VisibilityMode
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from grafana import style
from grafana.builder import Board
from grafana.style import AMBER, BLUE, GREEN, GREY, RED

NONE = "None, as expected"
BAD_FROM_ONE = ((None, GREEN), (1, RED))
COUNTS = {
    "Open gaps": "Runs of missing trades that are still being repaired. Above zero for more than "
    "five minutes: the exchange's REST does not answer, see the log of `stream`.",
    "Mismatches": "Candles of 1m and 15m that differ from the exchange's own. Any but zero is a "
    "fault: see Mismatched candles, then run `candlewick audit`.",
    "Dead letters": "Records that could not be read. Above zero: see Dead letters and why.",
}
RESULTS = {
    "verified": GREEN,
    "only-ours": BLUE,
    "only-exchange": GREY,
    "gapped": AMBER,
    "mismatch": RED,
}


def board() -> Board:
    """Define the dashboard Data quality."""
    found = Board(
        "quality",
        "Data quality",
        "Missing data of all symbols, and differences from the exchange's own candles.",
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
            style.judged("short", *BAD_FROM_ONE, decimals=0),
            title,
            text,
            size=(5, 4),
        )
    found.add(
        style.judged("percentunit", (None, RED), (0.999, AMBER), (1, GREEN), decimals=3),
        "Complete",
        "Share of the expected 15m candles that are stored and whole. Under 100 %: find the day in "
        "the calendar, then use `candlewick completeness` and `candlewick backfill`.",
        size=(5, 4),
    )
    found.add(
        style.figure("short", decimals=0),
        "Revised candles",
        "15m candles that changed after they were closed, because a gap was repaired or a trade "
        "arrived late. A few are normal; hundreds mean a bad connection.",
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
        "Each day and symbol; green if every 15m candle is stored and whole. For a red, amber or "
        "missing cell, `candlewick completeness` lists the missing candles and `candlewick "
        "backfill` fetches them. A row starts with the symbol's first candle and ends with its "
        "trading.",
        size=(12, 11),
        form="timeseries",
    )
    results = style.bars("short", least="15m")
    for name, colour in RESULTS.items():
        results = results.override_by_name(name, style.painted(colour))
    found.add(
        results,
        "Our candles and the exchange's",
        "15m candles by the result of the comparison. Blue: the exchange's candle is not fetched "
        "yet. Grey: we have no trades, for example before the start. Red is a fault: see the "
        "table below.",
        size=(12, 11),
        form="timeseries",
    )
    found.add(
        style.table()
        .no_value(NONE)
        .override_by_name("differs", style.coloured((None, RED)))
        .override_by_name("our close", style.price())
        .override_by_name("its close", style.price()),
        "Mismatched candles",
        "The fields that differ; should be empty. `candlewick audit` shows both candles in full; "
        "look for a gap at that time in Gaps.",
        size=(24, 5),
    )


def _gaps(found: Board) -> None:
    found.add(
        style.table()
        .override_by_name("took", style.unit("s", 1))
        .override_by_name(
            "now",
            style.named({"found": RED, "repaired": GREEN, "given-up": AMBER, "new-era": AMBER}),
        ),
        "Gaps",
        "Jumps in the trade ids, open ones first. `found` for more than five minutes: see "
        "the log of `stream`. `given-up`: the exchange did not return the trades; the candle "
        "stays gapped, and the exchange's own is shown instead. `new-era`: ids began again.",
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
        "Time from noticing a gap to receiving its trades. If it is often over a minute, the "
        "exchange's request limit is used up, perhaps by a backfill.",
        size=(10, 9),
        form="timeseries",
    )


def _letters(found: Board) -> None:
    found.add(
        style.bars("short", least="15m").no_value(NONE),
        "Revisions",
        "Candles that changed after their close, by symbol. A burst after a gap is normal.",
        size=(12, 6),
        form="timeseries",
    )
    found.add(
        style.table().no_value(NONE).override_by_name("records", style.coloured((None, RED))),
        "Dead letters and why",
        "Records that could not be read, by reason; should be empty. `candlewick dead-letters` "
        "shows them; another program may be writing to our topics.",
        size=(12, 6),
    )
