"""Pages of candles: runs a query and makes the cursor of the next page."""

import time
from dataclasses import dataclass, replace

import orjson

from api.http.cursors import cursor_of
from api.queries.candles import (
    KEYS,
    CandleQuery,
    Order,
    Origin,
    candle_parameters,
    candle_sql,
    has_settled,
)
from api.queries.clickhouse import Reader
from api.queries.formats import ENCODINGS, Format
from api.queries.own_candles import OwnCandles, holds_all

_ENVELOPE = b'{"data":[%b],"next_cursor":%b}'


@dataclass(frozen=True, slots=True)
class Page:
    """A page of candles in the requested format.

    Attributes:
        next_cursor: Cursor of the next page; None on the last page.
    """

    body: bytes
    media_type: str
    next_cursor: str | None


class Candles:
    """Reads pages of candles."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._ours = OwnCandles()

    def read(self, query: CandleQuery, form: Format) -> Page:
        """Return a page; raises as `Reader.raw` does."""
        if form is not Format.JSON:
            return _table_page(self._reader, query, form)
        return _json_page(self._rows(replace(query, limit=query.limit + 1)), query.limit)

    def _rows(self, query: CandleQuery) -> bytes:
        if self._ours.may_do(query):
            rows = _json_rows(self._reader, replace(query, origin=Origin.TRADES))
            if holds_all(rows, query, time.time_ns() // 1_000_000):
                return rows
            self._ours.failed(query)
        return _json_rows(self._reader, query)


def _json_rows(reader: Reader, query: CandleQuery) -> bytes:
    return reader.json(candle_sql(query), candle_parameters(query))


def _json_page(rows: bytes, limit: int) -> Page:
    # Thousands of rows stay one string: line breaks occur only between rows.
    cursor = None
    if rows.count(b"\n") == limit:
        rows, _, _ = rows.rpartition(b",\n")
        cursor = _cursor(rows[rows.rfind(b"\n") + 1 :])
    body = _ENVELOPE % (rows, orjson.dumps(cursor))
    return Page(body, "application/json", cursor)


def _table_page(reader: Reader, query: CandleQuery, form: Format) -> Page:
    query = _up_to_newest(reader, query)
    encoding, parameters = ENCODINGS[form], candle_parameters(query)
    body = reader.raw(candle_sql(query), parameters, encoding.engine, encoding.settings)
    return Page(body, encoding.media_type, _end(reader, query))


def _up_to_newest(reader: Reader, query: CandleQuery) -> CandleQuery:
    """Bound a query by the newest candle, because its page and its end are two queries.

    With one that came in between, the end would be that of another page.
    """
    if query.as_of_ms is not None or has_settled(query, time.time_ns() // 1_000_000):
        return query
    newest = replace(query, fields=KEYS, limit=1, order=Order.DESCENDING, after=None)
    lines = reader.lines(candle_sql(newest), candle_parameters(newest))
    return replace(
        query, until_ms=orjson.loads(lines[0])["open_ms"] + 1 if lines else query.from_ms
    )


def _end(reader: Reader, query: CandleQuery) -> str | None:
    """Look one row past the page, as rows in other formats cannot be counted here."""
    keys = replace(query, fields=KEYS, skipped=query.limit - 1, limit=2)
    lines = reader.lines(candle_sql(keys), candle_parameters(keys))
    return _cursor(lines[0]) if len(lines) > 1 else None


def _cursor(line: bytes) -> str:
    row = orjson.loads(line)
    return cursor_of((row["open_ms"], row["symbol"]))
