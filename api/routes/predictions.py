"""Routes of predictions: the current one, and past ones."""

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
from api.http.parameters import (
    Cursor,
    OptionalModel,
    Rows,
    Since,
    Symbol,
    Until,
    check_range,
)
from api.http.prices import Above
from api.http.problems import Problem
from api.http.responses import answer, json_bytes
from api.http.thread_pools import heavy_in_turn
from api.http.times import END_MS, TimeMs
from api.live.current_prediction import current_prediction
from api.payloads.predictions import CurrentPrediction, PredictionPage

router = APIRouter(tags=["predictions"], dependencies=Reading)
REFUSED = errors(problems.INVALID, problems.UNKNOWN_SYMBOL, problems.SIGN_IN, problems.UNAVAILABLE)
NOT_NOW = {**REFUSED, **errors(problems.NOT_FRESH, problems.UNAVAILABLE)}
_MOMENTS = ", ".join(
    f"toUnixTimestamp64Milli({name}_time) AS {name}_ms, {name}_time"
    for name in ("open", "close", "issued")
)
_PREDICTIONS = f"""SELECT symbol, interval, {_MOMENTS}, minutes_to_close, model,
    version, status, scored, champion, last_price, price, low_50, high_50, low_90, high_90,
    volatility_bp, low_98, low_80, high_80, high_98, open, chance_up, chance_champion
    FROM predictions FINAL
    WHERE symbol = {{symbol:String}} AND interval = '15m'
    AND open_time >= fromUnixTimestamp64Milli({{from_ms:Int64}} - 900000, 'UTC')
    AND open_time < fromUnixTimestamp64Milli({{until_ms:Int64}}, 'UTC')
    AND issued_time >= fromUnixTimestamp64Milli({{from_ms:Int64}}, 'UTC')
    AND issued_time < fromUnixTimestamp64Milli({{until_ms:Int64}}, 'UTC')
    AND ({{model:String}} = '' OR model = {{model:String}})
    AND (NOT {{scored:Bool}} OR scored)
    AND (issued_time, model) <
        (fromUnixTimestamp64Milli({{after_ms:Int64}}, 'UTC'), {{after_model:String}})
    ORDER BY issued_time DESC, model DESC LIMIT {{limit:UInt32}}"""  # noqa: S608 - our words


@router.get("/predict", responses={**NOT_NOW, **found(CurrentPrediction)})
@router.get("/v1/predictions/current", responses={**NOT_NOW, **found(CurrentPrediction)})
async def current(
    request: Request,
    parts: TheParts,
    symbol: Symbol,
    above: Above = [],  # noqa: B006 - FastAPI copies it
) -> Response:
    """Return the prediction of where the open candle will close; 503 if none is fresh.

    `chance` is by the champion of the chance, which may be another model than the champion of the
    interval. It has the chance that the candle closes at or above its open, and at or above each
    price of `above`.
    """
    if symbol not in parts.feed.followed:
        detail = f"{symbol} is not followed: /v1/symbols lists those that are"
        raise Problem(problems.UNKNOWN_SYMBOL, detail)
    market, stale_s = parts.feed.market, parts.settings.api.stale_s
    shown = current_prediction(market, parts.evidence, symbol, stale_s=stale_s, above_e8=above)
    return answer(request, json_bytes(shown), headers={"Cache-Control": "no-store"})


@router.get("/v1/predictions", responses={**REFUSED, **found(PredictionPage)})
@heavy_in_turn
def predictions(
    request: Request,
    parts: TheParts,
    *,
    symbol: Symbol,
    as_of: Annotated[
        TimeMs | None, Query(description="Only predictions issued up to this time.")
    ] = None,
    from_ms: Since = 0,
    until_ms: Until = END_MS - 1,
    model: OptionalModel = None,
    scored: Annotated[
        bool, Query(description="Only scored ones, without those made between two minutes.")
    ] = False,
    limit: Rows = 500,
    cursor: Cursor = None,
) -> Response:
    """Return predictions as they were published, newest first; they never change."""
    check_range(from_ms, until_ms)
    parts.symbols.check(symbol)
    until_ms = until_ms if as_of is None else min(until_ms, as_of + 1)
    after_ms, after_model = key_of(cursor, (int, str)) if cursor else (END_MS, "")
    most = min(limit, parts.settings.api.page_rows)
    lines = parts.reader.lines(
        _PREDICTIONS,
        {
            "symbol": symbol,
            "from_ms": max(from_ms, 900_000),
            "until_ms": until_ms,
            "model": model or "",
            "scored": str(scored).lower(),
            "after_ms": after_ms,
            "after_model": after_model,
            "limit": most + 1,
        },
    )
    return answer(request, _page(lines, most))


def _page(lines: list[bytes], most: int) -> bytes:
    cursor = None
    if len(lines) > most:
        last = orjson.loads(lines[most - 1])
        cursor = cursor_of((last["issued_ms"], last["model"]))
    return b'{"data":[%b],"next_cursor":%b}' % (b",".join(lines[:most]), json_bytes(cursor))
