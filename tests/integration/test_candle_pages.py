"""Pages of candles in the formats of files, while new candles come."""

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from api.http.cursors import key_of
from api.queries.candle_pages import Candles
from api.queries.candles import CandleQuery, Order
from api.queries.clickhouse import Reader, Value
from api.queries.formats import Format
from schemas import table_columns
from schemas.timeframe import Interval
from sinks.rows import candle_row
from tests.support.api_market import QUARTER_MS, a_quarter, put
from tests.support.api_stage import Stage
from tests.support.builders import START_MS


class Growing(Reader):
    """A reader of a market that goes on after each page."""

    go_on: Callable[[], None]

    def raw(
        self,
        query: str,
        parameters: Mapping[str, Value],
        form: str,
        settings: Mapping[str, int | str] | None = None,
    ) -> bytes:
        found = super().raw(query, parameters, form, settings)
        if not form.startswith("JSON"):
            self.go_on()
        return found


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("limit", [3, 11])
@pytest.mark.parametrize("interval", [Interval.FIFTEEN_MINUTES, Interval.THIRTY_MINUTES])
def test_each_candle_comes_once_where_new_ones_come_between_a_page_and_its_end(
    stage: Stage, interval: Interval, limit: int, order: Order
) -> None:
    symbol = f"GROWS{interval.value}{limit}{order}".upper()
    numbers = iter(range(100))
    reader = Growing(stage.clickhouse.settings)
    with stage.clickhouse.client(database="candlewick") as client:

        def store() -> None:
            candles = [a_quarter(next(numbers), symbol) for _ in range(2)]
            put(client, "candles", table_columns.CANDLE, [candle_row(c) for c in candles])

        for _ in range(5):
            store()
        reader.go_on = store
        opens = opens_of(Candles(reader), CandleQuery((symbol,), interval, limit, order=order))

    step = interval.ms if order is Order.ASCENDING else -interval.ms
    assert len(opens) >= 10 * QUARTER_MS // interval.ms
    assert opens == [opens[0] + n * step for n in range(len(opens))]
    assert min(opens) <= START_MS


def opens_of(candles: Candles, query: CandleQuery) -> list[int]:
    """Page by page, as CSV."""
    found: list[int] = []
    while True:
        page = candles.read(query, Format.CSV)
        found += [int(row["open_ms"]) for row in csv.DictReader(io.StringIO(page.body.decode()))]
        if page.next_cursor is None:
            return found
        open_ms, symbol = key_of(page.next_cursor, (int, str))
        query = replace(query, after=(int(open_ms), str(symbol)))
