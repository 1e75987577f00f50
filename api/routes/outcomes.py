"""Route of past predictions with their published intervals, outcomes and scores."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from api.access import Reading
from api.dependencies import TheParts
from api.http import problems
from api.http.cursors import cursor_of, key_of
from api.http.openapi import errors, found
from api.http.parameters import Cursor, OptionalModel, Rows, Symbol
from api.http.responses import answer, json_bytes
from api.http.thread_pools import heavy_in_turn
from api.http.times import END_MS
from api.payloads.outcomes import OutcomePage

router = APIRouter(tags=["predictions"], dependencies=Reading)
REFUSED = errors(problems.INVALID, problems.UNKNOWN_SYMBOL, problems.SIGN_IN, problems.UNAVAILABLE)
_MOMENTS = ", ".join(
    f"toUnixTimestamp64Milli(s.{name}_time) AS {name}_ms, s.{name}_time AS {name}_time"
    for name in ("open", "close", "issued")
)
_BANDS = ", ".join(
    f"if(p.{name} = 0, NULL, p.{name}) AS {name}"
    for name in ("low_50", "high_50", "low_90", "high_90")
)
# The candles of the page choose the predictions: its oldest one would let all newer ones be read,
# and where there is none, as of a model that does not exist, all that are stored.
OUTCOMES = f"""
WITH s AS (
    SELECT * FROM scores FINAL
    WHERE symbol = {{symbol:String}} AND interval = '15m'
        AND ({{model:String}} = '' OR model = {{model:String}})
        AND (NOT {{champion:Bool}} OR champion)
        AND ({{minutes:UInt8}} = 0 OR toUInt8(round(minutes_to_close)) = {{minutes:UInt8}})
        AND (open_time, issued_time, model) < (fromUnixTimestamp64Milli({{open_ms:Int64}}, 'UTC'),
            fromUnixTimestamp64Milli({{issued_ms:Int64}}, 'UTC'), {{after_model:String}})
    ORDER BY open_time DESC, issued_time DESC, model DESC LIMIT {{limit:UInt32}})
SELECT s.symbol AS symbol, s.interval AS interval, {_MOMENTS}, s.minutes_to_close AS
    minutes_to_close, s.model AS model, s.version AS version, s.champion AS champion,
    s.price AS price, s.outcome AS outcome, {_BANDS}, s.error_bp AS error_bp,
    s.width_50_bp AS width_50_bp, s.width_90_bp AS width_90_bp, s.covered_50 AS covered_50,
    s.covered_90 AS covered_90, s.open AS open, s.chance_up AS chance_up,
    s.chance_champion AS chance_champion, s.up AS up, s.brier AS brier
FROM s LEFT JOIN (
    SELECT open_time, issued_time, model, low_50, high_50, low_90, high_90 FROM predictions FINAL
    WHERE symbol = {{symbol:String}} AND interval = '15m' AND scored
        AND open_time IN (SELECT open_time FROM s)
) AS p ON s.open_time = p.open_time AND s.issued_time = p.issued_time AND s.model = p.model
ORDER BY s.open_time DESC, s.issued_time DESC, s.model DESC"""  # noqa: S608 - our own words


@router.get("/v1/outcomes", responses={**REFUSED, **found(OutcomePage)})
@heavy_in_turn
def outcomes(
    request: Request,
    parts: TheParts,
    symbol: Symbol,
    *,
    model: OptionalModel = None,
    champion: Annotated[
        bool, Query(description="Only predictions of the champion at the time.")
    ] = False,
    minutes: Annotated[
        int, Query(ge=0, le=15, description="Only this many minutes to close; 0 for all.")
    ] = 0,
    limit: Rows = 500,
    cursor: Cursor = None,
) -> Response:
    """Return past predictions and the actual closes of their candles, newest first."""
    parts.symbols.check(symbol)
    start = (END_MS - 1, END_MS - 1, "")
    open_ms, issued_ms, after = key_of(cursor, (int, int, str)) if cursor else start
    most = min(limit, parts.settings.api.page_rows)
    lines = parts.reader.lines(
        OUTCOMES,
        {
            "symbol": symbol,
            "model": model or "",
            "champion": str(champion).lower(),
            "minutes": minutes,
            "open_ms": open_ms,
            "issued_ms": issued_ms,
            "after_model": after,
            "limit": most + 1,
        },
    )
    return answer(request, _page(lines, most))


def _page(lines: list[bytes], most: int) -> bytes:
    cursor = None
    if len(lines) > most:
        last = orjson.loads(lines[most - 1])
        cursor = cursor_of((last["open_ms"], last["issued_ms"], last["model"]))
    return b'{"data":[%b],"next_cursor":%b}' % (b",".join(lines[:most]), json_bytes(cursor))
