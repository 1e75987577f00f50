"""The dashboard Pipeline: rates, delays and lag, and the state of Kafka and ClickHouse."""

from grafana_foundation_sdk.builders import common as shared
from grafana_foundation_sdk.builders.bargauge import Panel as BarGauge
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    ScaleDistribution,
    VizOrientation,
)

from grafana import style
from grafana.builder import Board
from grafana.style import AMBER, GREEN, RED

MEASURED = "Measured by `python -m grafana measure`; empty if that job is not running. "


def board() -> Board:
    """Define the dashboard Pipeline."""
    found = Board(
        "pipeline",
        "Pipeline",
        "Rates, lag and delay of every stage, and the health of Kafka and ClickHouse.",
        since="now-1h",
        refresh="5s",
    )
    found.events("Gaps", "gap", RED)
    _figures(found)
    _flow(found)
    _kafka(found)
    _clickhouse(found)
    return found


def _figures(found: Board) -> None:
    found.add(
        style.figure("short", decimals=1),
        "Trades a second",
        "Stored trades of all symbols, in steps of ten seconds. Zero: the stream is silent; see "
        "Age by symbol and the log of `stream`.",
        size=(4, 4),
    )
    found.add(
        style.judged("ms", (None, GREEN), (1_500, AMBER), (5_000, RED), decimals=0),
        "Exchange to ClickHouse",
        "99 of 100 trades of the last five minutes were stored within this time. Red: find the "
        "slow stage in Delay by stage, and check whether a reader is behind.",
        size=(4, 4),
    )
    found.add(
        style.judged("short", (None, GREEN), (1_000, AMBER), (10_000, RED), decimals=0),
        "Records behind",
        f"{MEASURED}Records in Kafka that their readers have not processed yet. If it grows for "
        "minutes, start another worker, or find out why one stands still.",
        size=(4, 4),
    )
    found.add(
        style.judged("percentunit", (None, RED), (0.1, AMBER), (0.2, GREEN), decimals=1),
        "Disk free",
        f"{MEASURED}Free share of ClickHouse's fullest disk. Under 10 %: free some space or keep "
        "trades for fewer days (CANDLEWICK_LIFECYCLE__TRADES_DAYS); a full disk stops everything.",
        size=(4, 4),
    )
    found.add(
        style.judged("short", (None, GREEN), (1, AMBER), (5, RED), decimals=0),
        "Restarts",
        f"{MEASURED}Readers of Kafka that joined in the time range. If you did not restart them, "
        "find the process in Processes that joined; its log says why it ended.",
        size=(4, 4),
    )
    found.add(
        style.judged("s", (None, AMBER), (600, GREEN)),
        "ClickHouse up",
        f"{MEASURED}Time since ClickHouse started. Short without a restart by hand: see its log.",
        size=(4, 4),
    )  # fmt: skip


def _flow(found: Board) -> None:
    found.add(
        style.lines("rps", least="1m").fill_opacity(8),
        "Rows stored a second",
        "Rows by table. Only trades at zero: check the stream. All at zero: check the sinks. "
        "Scores come once in 15 minutes.",
        size=(8, 9),
        form="timeseries",
    )
    found.add(
        style.lines("ms", decimals=0, least="10s").scale_distribution(
            shared.ScaleDistributionConfig().type(ScaleDistribution.LOG).log(10)
        ),
        "Delay by stage",
        "Delay that 99 of 100 records stay under. The exchange's stage includes its own delay and "
        "the difference between its clock and ours. Look at the stage that grows.",
        size=(8, 9),
        form="timeseries",
    )
    found.add(
        BarGauge()
        .unit("s")
        .decimals(1)
        .min(0)
        .max(60)
        .orientation(VizOrientation.HORIZONTAL)
        .display_mode(BarGaugeDisplayMode.BASIC)
        .reduce_options(shared.ReduceDataOptions().values(True).calcs(["lastNotNull"]).fields(""))
        .color_scheme(style.by_threshold())
        .thresholds(style.steps((None, GREEN), (30, AMBER), (120, RED))),
        "Age by symbol",
        "Time since the newest trade of each symbol. One in red: a quiet market or a delisted "
        "pair. All in red: check the stream.",
        size=(8, 9),
    )


def _kafka(found: Board) -> None:
    found.row("Kafka")
    found.add(
        style.lines("short", decimals=0, least="5s").min(0).axis_soft_max(10),
        "Records behind, by group",
        f"{MEASURED}Lag of each reader and topic. Peaks that return to zero are normal; if a line "
        "only rises, its reader stands still: restart it.",
        size=(9, 8),
        form="timeseries",
    )
    found.add(
        style.lines("rps", decimals=1, least="30s"),
        "Records into Kafka a second",
        f"{MEASURED}Growth of the topics' newest offsets. Zero for a topic that should grow: its "
        "writer is not running.",
        size=(8, 8),
        form="timeseries",
    )
    found.add(
        style.table().override_by_name("stayed", style.unit("s", 0)),
        "Processes that joined",
        f"{MEASURED}Members of the consumer groups, newest first; a restarted process is a new "
        "member. Many in one group: its process keeps restarting, see its log.",
        size=(7, 8),
    )


def _clickhouse(found: Board) -> None:
    found.row("ClickHouse")
    found.add(
        style.table()
        .override_by_name("rows", style.unit("short", 1))
        .override_by_name("bytes", style.unit("bytes", 1))
        .override_by_name(
            "parts",
            [*style.unit("short", 0), *style.coloured((None, GREEN), (150, AMBER), (300, RED))],
        ),
        "Tables",
        f"{MEASURED}Rows, bytes on disk and parts of each table. Parts in red: merges cannot keep "
        "up and inserts will slow down; check the machine's disk and processor.",
        size=(12, 9),
    )
    found.add(
        style.lines("bytes", decimals=1, least="1m").min(0).fill_opacity(10),
        "Disk",
        f"{MEASURED}Free bytes of ClickHouse's disks. Falling fast: see Tables for what grows.",
        size=(12, 9),
        form="timeseries",
    )
