"""Routes of models: their events, and requests for trainings."""

from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated

import orjson
from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from api.access import Operator, Reading, Signed
from api.accounts.authentication import now_ms
from api.dependencies import Dependencies, TheParts
from api.http import problems
from api.http.cursors import cursor_of, key_of
from api.http.openapi import errors, found
from api.http.parameters import (
    Cursor,
    OptionalModel,
    OptionalSymbol,
    Rows,
    check_range,
    check_record,
)
from api.http.problems import Problem
from api.http.records import plain
from api.http.responses import answer, json_bytes
from api.http.thread_pools import asks_store, heavy_in_turn
from api.http.times import END_MS
from api.live.training_requests import RECEIPT, Receipt, parse_receipt
from api.payloads.models import ModelPage, Training, TrainingWish
from api.queries.clickhouse import Row, Value
from schemas.predictions import TrainingRequest

router = APIRouter(tags=["models"])
REFUSED = errors(problems.INVALID, problems.UNKNOWN_SYMBOL, problems.SIGN_IN, problems.UNAVAILABLE)
ASKING = {
    **errors(problems.FORBIDDEN, problems.TOO_LARGE),
    **REFUSED,
    202: {"headers": {"Location": {"schema": {"type": "string"}}}},
}
_EVENTS = """SELECT model, version, symbol, event, toUnixTimestamp64Milli(event_time) AS event_ms,
        event_time, reason, details
    FROM model_versions FINAL
    WHERE ({model:String} = '' OR model = {model:String})
    AND ({symbol:String} = '' OR symbol IN ({symbol:String}, ''))
    AND (toUnixTimestamp64Milli(event_time), model, symbol, version, event)
        < ({ms:Int64}, {after_model:String}, {after_symbol:String}, {version:String},
            {event:String})
    ORDER BY event_time DESC, model DESC, symbol DESC, version DESC, event DESC
    LIMIT {limit:UInt32}"""
_RESULT = """SELECT model, version, symbol, event, toUnixTimestamp64Milli(event_time) AS event_ms,
        event_time, reason, details
    FROM model_versions FINAL
    WHERE model = {model:String} AND symbol = {symbol:String}
    AND event IN ('trained', 'failed')
    AND JSONExtract(details, 'request', 'Tuple(
            from_ms Int64, until_ms Int64, requested_by String, requested_ms Int64)')
        = ({from_ms:Int64}, {until_ms:Int64}, {requested_by:String}, {requested_ms:Int64})
    ORDER BY event_time LIMIT 1"""


@router.get("/v1/models", dependencies=Reading, responses={**REFUSED, **found(ModelPage)})
@heavy_in_turn
def models(
    request: Request,
    parts: TheParts,
    *,
    model: OptionalModel = None,
    symbol: OptionalSymbol = None,
    limit: Rows = 100,
    cursor: Cursor = None,
) -> Response:
    """Return the events of the models with their evidence, newest first."""
    if symbol:
        parts.symbols.check(symbol)
    after = key_of(cursor, (int, str, str, str, str)) if cursor else (END_MS, "", "", "", "")
    names = ("ms", "after_model", "after_symbol", "version", "event")
    most = min(limit, parts.settings.api.page_rows)
    bound: dict[str, Value] = {"model": model or "", "symbol": symbol or "", "limit": most + 1}
    rows = parts.reader.rows(_EVENTS, bound | dict(zip(names, after, strict=True)))
    more = len(rows) > most
    keys = ("event_ms", "model", "symbol", "version", "event")
    end = cursor_of(tuple(_plain(rows[most - 1][key]) for key in keys)) if more else None
    page = {"data": [_shown(row) for row in rows[:most]], "next_cursor": end}
    return answer(request, json_bytes(page))


@router.post(
    "/train",
    status_code=HTTPStatus.ACCEPTED,
    response_model=Training,
    dependencies=Signed,
    responses=ASKING,
)
@router.post(
    "/v1/models/train",
    status_code=HTTPStatus.ACCEPTED,
    response_model=Training,
    dependencies=Signed,
    responses=ASKING,
)
def train(
    connection: Request, parts: TheParts, user: Operator, wish: TrainingWish, response: Response
) -> object:
    """Request a training; the answer contains the URL of its status."""
    check_range(wish.from_ms, wish.until_ms)
    if wish.symbol:
        parts.symbols.check(wish.symbol)
    request = TrainingRequest(
        symbol=wish.symbol or "",
        model=wish.model,
        from_ms=wish.from_ms,
        until_ms=wish.until_ms,
        requested_by=user.username,
        requested_ms=now_ms(),
    )
    check_record(request)
    receipt = parts.requests.send(request)
    shown = _training(request, receipt, None)
    # Below the path of a proxy: a client resolves it against the address that it asked.
    response.headers["Location"] = f"{connection.scope['root_path']}{shown['url']}"
    return shown


@router.get(
    "/v1/models/trainings/{training_id}",
    response_model=Training,
    dependencies=Reading,
    responses={**REFUSED, **errors(problems.NOT_FOUND)},
)
@asks_store
def training(
    request: Request,
    parts: TheParts,
    training_id: Annotated[str, Path(pattern=RECEIPT, examples=["0-0"])],
) -> object:
    """Return a request for a training and its result."""
    del request
    receipt = parse_receipt(training_id)
    wanted = parts.requests.find(receipt)
    if wanted is None:
        raise Problem(problems.NOT_FOUND, f"there is no training {training_id}")
    return _training(wanted, receipt, _result(parts, wanted))


def _result(parts: Dependencies, request: TrainingRequest) -> Row | None:
    rows = parts.reader.rows(_RESULT, asdict(request))
    return _shown(rows[0]) if rows else None


def _training(request: TrainingRequest, receipt: Receipt, result: Row | None) -> Row:
    return plain(request) | {
        "id": str(receipt),
        "url": f"/v1/models/trainings/{receipt}",
        "status": result["event"] if result else "waiting",
        "result": result,
    }


def _shown(row: Row) -> Row:
    try:
        details = orjson.loads(str(row["details"]))
    except orjson.JSONDecodeError:
        details = None
    return row | {"details": details if isinstance(details, dict) else None}


def _plain(value: object) -> int | str:
    return value if isinstance(value, int) else str(value)
