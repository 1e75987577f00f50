"""The metrics that every process has, or that several kinds of process share, for Prometheus.

Those of one folder stand in its own ``metrics.py``.
Source: Prometheus documentation, "Metric and label naming".
"""

import time
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

# From one frame on its way to a market that is held up: half a millisecond to ten minutes.
DELAY_BUCKETS: Final = (
    *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1, 2.5, 5, 10, 30, 60, 300, 600),
)
RECEIVED: Final = "received"
IN_CANDLE: Final = "in_candle"
STORED: Final = "stored"
_DELAY: Final = Histogram(
    "candlewick_trade_delay_seconds",
    "From the event time of a block's newest trade to a stage: received, in_candle or stored.",
    ["stage"],
    buckets=DELAY_BUCKETS,
)
_PROGRESS: Final = Gauge(
    "candlewick_last_progress_timestamp_seconds",
    "When a part of this process last got on with its work, or had none to do.",
    ["part"],
)
RETRIES: Final = Counter(
    "candlewick_retries_total",
    "Attempts that failed for a time and are made again, by what was asked.",
    ["of"],
)
DEAD_LETTERS: Final = Counter(
    "candlewick_dead_letters_total",
    "Records sent to the dead letters because they cannot be used, by who met them.",
    ["reader"],
)
LOG_EVENTS: Final = Counter(
    "candlewick_log_events_total",
    "Lines written to the log, by the name of their event.",
    ["event", "level"],
)


def count_dead_letters(reader: str) -> None:
    """Let the count of a reader's dead letters begin at zero.

    Prometheus sees an increase between two values only: a count that appears with its first
    letter never shows that one.
    """
    DEAD_LETTERS.labels(reader)


def reached(stage: str, event_ms: int, now_ms: int | None = None) -> None:
    """Record that trades have reached a stage.

    Args:
        stage: `RECEIVED`, `IN_CANDLE` or `STORED`.
        event_ms: Event time of the newest of them.
        now_ms: When that was; default: now, by this machine's clock.
    """
    at_ms = time.time() * 1000 if now_ms is None else now_ms
    # A clock that is behind the exchange's gives less than nothing.
    _DELAY.labels(stage).observe(max(0.0, at_ms - event_ms) / 1000)


def progressed(part: str, before_s: float = 0.0) -> None:
    """Record that a part of this process has made progress, so many seconds before now."""
    _PROGRESS.labels(part).set(time.time() - before_s)
