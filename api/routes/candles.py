"""Routes of candles: one symbol by URL or many by a search, in several formats."""

import time
from typing import Annotated

from fastapi import APIRouter, Body, Query
from starlette.requests import Request
from starlette.responses import Response

from api.access import Reading
from api.dependencies import Dependencies, TheParts
from api.http import problems
from api.http.cursors import key_of
from api.http.openapi import errors, found
from api.http.parameters import check_range
from api.http.problems import FieldError, Members, Problem
from api.http.responses import answer
from api.http.thread_pools import LIGHT_ROWS, heavy_if, reads_long
from api.payloads.candles import CandlePage, CandleParams, CandleSearch
from api.queries.candle_pages import Page
from api.queries.candles import FIELDS, KEYS, STORED, CandleQuery, Origin, asks_volume, has_settled
from api.queries.formats import ENCODINGS, Format, choose_format
from schemas.timeframe import Interval

router = APIRouter(tags=["market"], dependencies=Reading)
ANSWERS = {
    **found(CandlePage, media_types={e.media_type.split(";")[0]: f for f, e in ENCODINGS.items()}),
    **errors(
        problems.INVALID,
        problems.UNKNOWN_SYMBOL,
        problems.NO_FORMAT,
        problems.NO_RANGE,
        problems.SIGN_IN,
        problems.UNAVAILABLE,
    ),
}


def _reads_much(*, wanted: CandleParams | CandleSearch, **_: object) -> bool:
    asked = wanted.as_search() if isinstance(wanted, CandleParams) else wanted
    conditions = asked.status or asks_volume(asked.minimum_volume) or asked.as_of is not None
    # These do not end at the limit: all candles of the range are read, and then picked or sorted.
    reads_all = len(asked.symbols) > 1 or bool(conditions)
    is_long = reads_all and reads_long(asked.from_ms, asked.until_ms)
    return asked.limit > LIGHT_ROWS or is_long


@router.get("/v1/candles", responses=ANSWERS)
@heavy_if(_reads_much)
def candles(
    request: Request, parts: TheParts, wanted: Annotated[CandleParams, Query()]
) -> Response:
    """Return the candles of a symbol, page by page.

    Those of 1s, 1m and 15m have closed. The newest of the others, which are made from shorter ones,
    may still be open: its `close_ms` is later than now.
    """
    return _answer(request, parts, wanted.as_search())


@router.post("/v1/candles/search", responses={**ANSWERS, **errors(problems.TOO_LARGE)})
@heavy_if(_reads_much)
def search(request: Request, parts: TheParts, wanted: Annotated[CandleSearch, Body()]) -> Response:
    """Return candles of many symbols that meet conditions, by time and symbol.

    As for one symbol, the newest of those that are made from shorter ones may still be open.
    """
    return _answer(request, parts, wanted)


def _answer(request: Request, parts: Dependencies, wanted: CandleSearch) -> Response:
    check_range(wanted.from_ms, wanted.until_ms)
    form = choose_format(wanted.format, request.headers.get("accept"))
    limits = parts.settings.api
    most = limits.page_rows if form is Format.JSON else limits.export_rows
    query = _query(wanted, most)
    parts.symbols.check(*query.symbols)
    is_final = request.method == "GET" and has_settled(query, time.time_ns() // 1_000_000)
    page = _page(request, parts, query, form) if is_final else parts.candles.read(query, form)
    headers = _links(request, page)
    return answer(
        request, page.body, media_type=page.media_type, headers=headers, is_final=is_final
    )


def _page(request: Request, parts: Dependencies, query: CandleQuery, form: Format) -> Page:
    key = f"{form} {request.url.query}"
    page = parts.pages.find(key) if "range" in request.headers else None
    if page is None:
        page = parts.candles.read(query, form)
        parts.pages.keep(key, page)
    return page


def _query(wanted: CandleSearch, most: int) -> CandleQuery:
    if wanted.interval not in STORED:
        _refuse_of_others(wanted)
    after = key_of(wanted.cursor, (int, str)) if wanted.cursor else None
    fields = dict.fromkeys((*KEYS, *wanted.fields)) if wanted.fields else FIELDS
    return CandleQuery(
        symbols=tuple(dict.fromkeys(wanted.symbols)),
        interval=Interval(wanted.interval),
        limit=min(wanted.limit, most),
        from_ms=wanted.from_ms,
        until_ms=wanted.until_ms,
        order=wanted.order,
        origin=wanted.source,
        after=(int(after[0]), str(after[1])) if after else None,
        statuses=tuple(wanted.status),
        minimum_volume=wanted.minimum_volume,
        fields=tuple(fields),
        as_of_ms=wanted.as_of,
    )


def _refuse_of_others(wanted: CandleSearch) -> None:
    """Refuse what only candles of 1m and 15m have."""
    if wanted.source is not Origin.BEST:
        error = FieldError(
            "source",
            "only 1m and 15m have a source: longer ones are made from the best, 1s from trades",
        )
    elif wanted.as_of is not None:
        error = FieldError("as_of", "only of 1m and 15m it is kept what was known: ask for these")
    else:
        return
    raise Problem(problems.INVALID, error.message, members=Members(errors=(error,)))


def _links(request: Request, page: Page) -> dict[str, str]:
    if page.next_cursor is None:
        return {}
    url = request.url.include_query_params(cursor=page.next_cursor)
    link = f'<{url.path}?{url.query}>; rel="next"'
    return {"X-Next-Cursor": page.next_cursor} | ({"Link": link} if request.method == "GET" else {})
