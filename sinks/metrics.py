"""Metrics of the sinks."""

from typing import Final

from prometheus_client import Counter, Histogram

from clients.watching.metrics import STORED, reached
from schemas import topics
from schemas.codecs import record_in
from schemas.market import TradeBlock
from sinks.batches import Batch
from sinks.tables import Table

_BATCHES: Final = Counter(
    "candlewick_sink_batches_total", "Batches stored in ClickHouse.", ["table"]
)
_ROWS: Final = Counter("candlewick_sink_rows_total", "Rows stored in ClickHouse.", ["table"])
_REPLACED: Final = Counter(
    "candlewick_sink_revisions_total",
    "Rows of candles that replaced an earlier revision.",
    ["table"],
)
_SECONDS: Final = Histogram(
    "candlewick_sink_delivery_seconds",
    "Time to insert a batch, with what ClickHouse refuses of it.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)


def stored(table: Table, batch: Batch, seconds: float) -> None:
    """Count a batch that is stored.

    Args:
        table: Where it is.
        batch: The batch.
        seconds: How long it took.
    """
    _BATCHES.labels(table.name).inc()
    _ROWS.labels(table.name).inc(batch.count)
    _SECONDS.observe(seconds)
    if batch.replaced:
        _REPLACED.labels(table.name).inc(len(batch.replaced))
    if table.topic is topics.TRADES:
        _observe_delay(batch)


def _observe_delay(batch: Batch) -> None:
    # The oldest and the newest block: those between them are not worth reading again.
    for place in sorted({0, len(batch) - 1}):
        if batch.offsets[place] not in batch.reasons:
            block = record_in(TradeBlock, batch.messages[place])
            if len(block):
                reached(STORED, int(block.event_ms[-1]))
