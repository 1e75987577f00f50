"""Routes of scores: each model's skill, and the reliability of its chances."""

from enum import StrEnum
from string import Template
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from api.access import Reading
from api.dependencies import Dependencies, TheParts
from api.http import problems
from api.http.openapi import errors, found
from api.http.parameters import (
    CommaSeparated,
    OptionalModel,
    OptionalSince,
    OptionalSymbol,
    Until,
    check_range,
)
from api.http.responses import answer
from api.http.thread_pools import heavy_if, reads_long
from api.http.times import END_MS
from api.payloads.scores import ReliabilityPage, SkillPage
from api.queries.clickhouse import Value
from api.queries.skill import RELIABILITY_SQL, SKILL_SQL

router = APIRouter(tags=["predictions"], dependencies=Reading)
REFUSED = errors(problems.INVALID, problems.UNKNOWN_SYMBOL, problems.SIGN_IN, problems.UNAVAILABLE)
_LATELY = -1  # as the start: the last 30 days before `to`, or before the newest score
_PERIOD = """interval = '15m' AND ({symbol:String} = '' OR symbol = {symbol:String})
    AND open_time < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
    AND open_time >= if({from_ms:Int64} >= 0, fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC'),
        least((SELECT max(open_time) FROM scores),
            fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')) - INTERVAL 30 DAY)"""
_MODEL = "({model:String} = '' OR model = {model:String})"


_in_turn = heavy_if(
    lambda *, from_ms, until_ms, **_: from_ms is not None and reads_long(from_ms, until_ms)
)


class Group(StrEnum):
    """A key, besides the model, by which scores are grouped."""

    SYMBOL = "symbol"
    MINUTES = "minutes"
    DAY = "day"


Groups = Annotated[
    list[Group],
    CommaSeparated,
    Query(description="Keys to group by besides the model, comma separated."),
]


@router.get("/v1/scores", responses={**REFUSED, **found(SkillPage)})
@_in_turn
def scores(
    request: Request,
    parts: TheParts,
    *,
    symbol: OptionalSymbol = None,
    model: OptionalModel = None,
    by: Groups = [],  # noqa: B006 - FastAPI copies it
    from_ms: OptionalSince = None,
    until_ms: Until = END_MS - 1,
) -> Response:
    """Return each model's skill against the reference, its coverage and its losses.

    Without `from`, the 30 days before `to` or before the newest score are used.
    """
    bound = _bound(parts, symbol, model, (from_ms, until_ms))
    return answer(request, _grouped(parts, SKILL_SQL, by, bound))


@router.get("/v1/scores/reliability", responses={**REFUSED, **found(ReliabilityPage)})
@_in_turn
def reliability(
    request: Request,
    parts: TheParts,
    *,
    symbol: OptionalSymbol = None,
    model: OptionalModel = None,
    by: Groups = [],  # noqa: B006 - FastAPI copies it
    from_ms: OptionalSince = None,
    until_ms: Until = END_MS - 1,
) -> Response:
    """Return how often candles closed up, by tenths of the chance that was given to it.

    Where a model gave 60 to 70 %, 60 to 70 % of the candles should have closed at or above their
    open. Without `from`, the 30 days before `to` or before the newest score are used.
    """
    bound = _bound(parts, symbol, model, (from_ms, until_ms))
    return answer(request, _grouped(parts, RELIABILITY_SQL, by, bound))


def _bound(
    parts: Dependencies, symbol: str | None, model: str | None, period: tuple[int | None, int]
) -> dict[str, Value]:
    from_ms, until_ms = (_LATELY if period[0] is None else period[0]), period[1]
    check_range(from_ms, until_ms)
    if symbol:
        parts.symbols.check(symbol)
    return {"symbol": symbol or "", "model": model or "", "from_ms": from_ms, "until_ms": until_ms}


def _grouped(
    parts: Dependencies, query: Template, by: list[Group], bound: dict[str, Value]
) -> bytes:
    keys = ", ".join(["model", *dict.fromkeys(group.value for group in by)])
    lines = parts.reader.lines(query.substitute(keys=keys, where=_PERIOD, model=_MODEL), bound)
    return b'{"data":[' + b",".join(lines) + b"]}"
