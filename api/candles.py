"""Pages of candles: runs a query and says where it ended."""

from dataclasses import dataclass, replace

import orjson

from api.candle_query import KEYS, CandleQuery, candle_parameters, candle_sql
from api.cursors import cursor_of
from api.formats import ENCODINGS, Format
from api.reader import Reader

_ENVELOPE = b'{"data":[%b],"next_cursor":%b}'


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in their format.

    Attributes:
        next_cursor: Where the next page begins; None after the last one.
    """

    body: bytes
    media_type: str
    next_cursor: str | None


def read_candles(reader: Reader, query: CandleQuery, form: Format) -> Page:
    """Return a page of candles; raises as `Reader.raw` does."""
    return _json_page(reader, query) if form is Format.JSON else _table_page(reader, query, form)


def _json_page(reader: Reader, query: CandleQuery) -> Page:
    one_more = replace(query, limit=query.limit + 1)
    # Thousands of rows stay one text: a line break is only between them.
    rows = reader.json(candle_sql(one_more), candle_parameters(one_more)).removesuffix(b"\n")
    cursor = None
    if rows.count(b"\n") == query.limit:
        rows, _, _ = rows.rpartition(b"\n")
        cursor = _cursor(rows[rows.rfind(b"\n") + 1 :])
    body = _ENVELOPE % (rows.replace(b"\n", b","), orjson.dumps(cursor))
    return Page(body, "application/json", cursor)


def _table_page(reader: Reader, query: CandleQuery, form: Format) -> Page:
    encoding, parameters = ENCODINGS[form], candle_parameters(query)
    body = reader.raw(candle_sql(query), parameters, encoding.engine, encoding.settings)
    return Page(body, encoding.media_type, _end(reader, query))


def _end(reader: Reader, query: CandleQuery) -> str | None:
    """Look one row past the page, as only JSON rows can be counted here."""
    keys = replace(query, fields=KEYS, skipped=query.limit - 1, limit=2)
    lines = reader.lines(candle_sql(keys), candle_parameters(keys))
    return _cursor(lines[0]) if len(lines) > 1 else None


def _cursor(line: bytes) -> str:
    row = orjson.loads(line)
    return cursor_of((row["open_ms"], row["symbol"]))
