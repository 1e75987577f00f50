"""The dashboard Processes: what each process tells Prometheus of itself."""

from grafana import style
from grafana.builder import Board
from grafana.style import AMBER, GREEN, RED
from grafana.variables import prometheus

_STANDS = "time() - candlewick_last_progress_timestamp_seconds"
_BY_SUPERVISOR = "candlewick_process_resident_memory_bytes"  # there is none in containers
_BY_ITSELF = f'process_resident_memory_bytes{{process!=""}} unless on() {_BY_SUPERVISOR}'
_DELAY = (
    "histogram_quantile(0.99, sum by (stage, le) "
    "(rate(candlewick_trade_delay_seconds_bucket[$__rate_interval])))"
)


def board() -> Board:
    """Define the dashboard Processes."""
    found = Board(
        "processes",
        "Processes",
        "Progress, delays, retries and resources of every process, from Prometheus.",
        since="now-1h",
        refresh="1m",
    )
    found.variable(prometheus())
    found.events("Gaps", "gap", RED)
    _figures(found)
    _flow(found)
    _predictions(found)
    _resources(found)
    return found


def _figures(found: Board) -> None:
    found.ask(
        style.judged("short", (None, GREEN), (1, RED), decimals=0),
        "Processes down",
        "Processes that did not answer Prometheus' last question. Not zero: see `candlewick "
        "status`, or Prometheus' own list of targets, and the log of the one that is down.",
        {"": 'count(up{process!=""} == 0) or vector(0)'},
        size=(4, 4),
    )
    found.ask(
        style.judged("s", (None, GREEN), (60, AMBER), (120, RED), decimals=0),
        "Longest without progress",
        "How long the slowest process has had work and not got on with it. Red: it will end itself "
        "soon to be started again; its log says what it waits for.",
        {"": f"max({_STANDS})"},
        size=(4, 4),
    )
    found.ask(
        style.judged("short", (None, GREEN), (1, AMBER), decimals=0),
        "Gaps open",
        "Symbols of which trades are missing now. It returns to zero by itself within a minute; if "
        "not, see Data quality and the log of the stream.",
        {"": "sum(candlewick_gaps_open)"},
        size=(4, 4),
    )
    found.ask(
        style.judged("short", (None, GREEN), (1, AMBER), decimals=0),
        "Dead letters",
        "Records of the time range that could not be used. Not zero: `candlewick dead-letters` "
        "says which and why.",
        {"": "sum(increase(candlewick_dead_letters_total[$__range])) or vector(0)"},
        size=(4, 4),
    )
    found.ask(
        style.judged("s", (None, RED), (-1, GREEN), (1, RED), decimals=3),
        "Clock offset",
        "The exchange's clock minus this machine's. Red: the delays below are wrong by it; set the "
        "machine's clock by NTP.",
        {"": "max(candlewick_exchange_clock_offset_seconds)"},
        size=(4, 4),
    )
    found.ask(
        style.judged("bytes", (None, RED), (5e9, AMBER), (20e9, GREEN), decimals=1),
        "Disk free",
        "Free bytes of the disk with the stack's folder. `candlewick status` says for how many "
        "days that lasts; below 100 MB the stack stops and waits. Empty in containers.",
        {"": "min(candlewick_disk_free_bytes)"},
        size=(4, 4),
    )


def _flow(found: Board) -> None:
    found.ask(
        style.lines("s", decimals=2),
        "Delay of trades by stage",
        "99 of 100 blocks reach a stage within this time of their newest trade. Look at the stage "
        "that grows: the exchange and the network, the candle worker, or the sinks.",
        {"{{stage}}": _DELAY},
        size=(8, 9),
    )
    found.ask(
        style.lines("rps", decimals=1),
        "Rows stored a second by table",
        "Rows that the sinks stored. Only trades at zero: check the stream. All at zero: check the "
        "sinks and ClickHouse.",
        {"{{table}}": "sum by (table) (rate(candlewick_sink_rows_total[$__rate_interval]))"},
        size=(8, 9),
    )
    found.ask(
        style.lines("short", decimals=0).min(0),
        "Lag by group",
        "Records that wait for each reader. Peaks are normal; if a line only rises, its reader "
        "stands still: see Without progress.",
        {"{{group}} {{topic}}": "candlewick_lag_records"},
        size=(8, 9),
    )
    found.ask(
        style.lines("s", decimals=0).min(0),
        "Without progress",
        "How long each process has had work and not got on with it. A line that rises is a process "
        "that hangs; its log has the stacks of its threads when it ends itself.",
        {"{{process}} {{part}}": _STANDS},
        size=(8, 8),
    )
    found.ask(
        style.lines("ops", decimals=2).min(0),
        "Retries a second",
        "Attempts that failed for a time and are made again. They last while Kafka, ClickHouse or "
        "the exchange is away: see what they ask.",
        {"{{process}} {{of}}": "rate(candlewick_retries_total[$__rate_interval])"},
        size=(8, 8),
    )
    found.ask(
        style.lines("short", decimals=1).min(0),
        "Gaps, repairs and revisions",
        "Gaps found, repaired and given up, and candles sent again, in five minutes. Given up is "
        "not normal: the exchange did not have the trades.",
        {
            "{{state}}": "sum by (state) (increase(candlewick_gaps_total[5m]))",
            "revisions {{interval}}": "sum by (interval) "
            "(increase(candlewick_candle_revisions_total[5m]))",
        },
        size=(8, 8),
    )


def _predictions(found: Board) -> None:
    found.row("Predictions, last 7 days")
    for title, name, unit in (
        ("Skill of the point", "point_skill", "percentunit"),
        ("Coverage of the 90 % interval", "coverage_90_ratio", "percentunit"),
        ("Distance of the chance", "reliability", "short"),
    ):
        found.ask(
            style.lines(unit, decimals=4 if unit == "short" else 1),
            title,
            f"`candlewick_model_{name}` by model, mean of all symbols. Models shows the same by "
            "symbol with its history, and what to do about it.",
            {"{{model}}": f"avg by (model) (candlewick_model_{name})"},
            size=(8, 8),
        )


def _resources(found: Board) -> None:
    found.row("Resources")
    found.ask(
        style.lines("percentunit", decimals=1).min(0),
        "Processor",
        "Share of one core that each process takes. One that stays at 100 % is the next to fall "
        "behind: see Lag by group.",
        {"{{process}}": 'rate(process_cpu_seconds_total{process!=""}[$__rate_interval])'},
        size=(8, 8),
    )
    found.ask(
        style.lines("bytes", decimals=1).min(0),
        "Memory",
        "Resident memory of each process, on one machine the servers included. A line that rises "
        "for days is a fault: restart that process and report it.",
        {
            "{{of}}": _BY_SUPERVISOR,
            "{{process}}": _BY_ITSELF,
        },
        size=(8, 8),
    )
    found.ask(
        style.lines("short", decimals=0).min(0),
        "Restarts and open files",
        "Restarts by the supervisor in an hour, and open files. Restarts by nobody: the log of "
        "that process says why it ended.",
        {
            "restarts {{of}}": "increase(candlewick_process_restarts_total[1h])",
            "files {{process}}": 'process_open_fds{process!=""}',
        },
        size=(8, 8),
    )
