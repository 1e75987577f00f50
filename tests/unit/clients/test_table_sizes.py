"""What is read from the rules by which ClickHouse deletes rows of a table."""

import pytest

from candlewick.store.retention import wanted_ttls
from clients.table_sizes import TableSize
from schemas.settings import LifecycleSettings
from schemas.timeframe import DAY_MS


def a_size(ttl: str) -> TableSize:
    """The size of a table with such rules."""
    return TableSize("table", "", ttl, 1, 1, 1, 1, 0, 0)


@pytest.mark.parametrize(
    ("table", "days"), [("predictions", None), ("scores", None), ("trades", 9), ("candles", None)]
)
def test_a_table_is_kept_as_long_as_the_rows_that_stay_longest(
    table: str, days: int | None
) -> None:
    settings = LifecycleSettings(trades_days=9, trades_recompress_days=3, predictions_days=0)
    kept_ms = a_size(wanted_ttls(settings)[table]).kept_ms

    assert kept_ms == (None if days is None else days * DAY_MS)


def test_rows_that_are_kept_for_less_do_not_limit_the_others() -> None:
    ttl = wanted_ttls(LifecycleSettings(predictions_days=400))["predictions"]

    assert a_size(ttl).kept_ms == 400 * DAY_MS
    assert a_size("toDateTime(t) + toIntervalDay(2) DELETE WHERE NOT scored").kept_ms is None
