"""Routes of predictions: the current one, past ones, and their scores."""

from enum import StrEnum
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
    CommaSeparated,
    Cursor,
    OptionalModel,
    OptionalSymbol,
    Rows,
    Since,
    Symbol,
    Until,
    check_range,
)
from api.http.problems import Problem
from api.http.responses import answer, json_bytes
from api.http.thread_pools import heavy_in_turn
from api.http.times import END_MS, TimeMs
from api.live.current_prediction import current_prediction
from api.payloads.predictions import CurrentPrediction, PredictionPage, SkillPage
from api.queries.recent_skill import SKILL_SQL

router = APIRouter(tags=["predictions"], dependencies=Reading)
REFUSED = errors(problems.INVALID, problems.UNKNOWN_SYMBOL, problems.SIGN_IN, problems.UNAVAILABLE)
NOT_NOW = {**REFUSED, **errors(problems.NOT_FRESH, problems.UNAVAILABLE)}
_MOMENTS = ", ".join(
    f"toUnixTimestamp64Milli({name}_time) AS {name}_ms, {name}_time"
    for name in ("open", "close", "issued")
)
_PREDICTIONS = f"""SELECT symbol, interval, {_MOMENTS}, minutes_to_close, model,
    version, status, scored, champion, last_price, price, low_50, high_50, low_90, high_90,
    volatility_bp
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


_PERIOD = """interval = '15m' AND ({symbol:String} = '' OR symbol = {symbol:String})
    AND open_time < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
    AND open_time >= if({from_ms:Int64} > 0, fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC'),
        (SELECT max(open_time) FROM scores) - INTERVAL 30 DAY)"""
_MODEL = "({model:String} = '' OR model = {model:String})"


class Group(StrEnum):
    """A key, besides the model, by which scores are grouped."""

    SYMBOL = "symbol"
    MINUTES = "minutes"
    DAY = "day"


@router.get("/predict", responses={**NOT_NOW, **found(CurrentPrediction)})
@router.get("/v1/predictions/current", responses={**NOT_NOW, **found(CurrentPrediction)})
async def current(request: Request, parts: TheParts, symbol: Symbol) -> Response:
    """Return the prediction of where the open candle will close; 503 if none is fresh."""
    if symbol not in parts.feed.followed:
        detail = f"{symbol} is not followed: /v1/symbols lists those that are"
        raise Problem(problems.UNKNOWN_SYMBOL, detail)
    market, stale_s = parts.feed.market, parts.settings.api.stale_s
    shown = current_prediction(market, parts.evidence, symbol, stale_s=stale_s)
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


@router.get("/v1/scores", responses={**REFUSED, **found(SkillPage)})
def scores(
    request: Request,
    parts: TheParts,
    *,
    symbol: OptionalSymbol = None,
    model: OptionalModel = None,
    by: Annotated[
        list[Group],
        CommaSeparated,
        Query(description="Keys to group by besides the model, comma separated."),
    ] = [],  # noqa: B006 - FastAPI copies it
    from_ms: Since = 0,
    until_ms: Until = END_MS - 1,
) -> Response:
    """Return each model's skill against the reference, its coverage and its loss.

    Without `from`, the last 30 days are used.
    """
    check_range(from_ms, until_ms)
    if symbol:
        parts.symbols.check(symbol)
    keys = ", ".join(["model", *dict.fromkeys(group.value for group in by)])
    lines = parts.reader.lines(
        SKILL_SQL.substitute(keys=keys, where=_PERIOD, model=_MODEL),
        {
            "symbol": symbol or "",
            "model": model or "",
            "from_ms": from_ms,
            "until_ms": until_ms,
        },
    )
    return answer(request, b'{"data":[' + b",".join(lines) + b"]}")


def _page(lines: list[bytes], most: int) -> bytes:
    cursor = None
    if len(lines) > most:
        last = orjson.loads(lines[most - 1])
        cursor = cursor_of((last["issued_ms"], last["model"]))
    return b'{"data":[%b],"next_cursor":%b}' % (b",".join(lines[:most]), json_bytes(cursor))
