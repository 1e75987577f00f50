"""Routes of completeness by day, digests of days, the audit, and volatility."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from api.access import Reading
from api.dependencies import Dependencies, TheParts
from api.http import problems
from api.http.openapi import errors, found
from api.http.parameters import OptionalSymbol, Since, Symbol, Until, check_range
from api.http.problems import FieldError, Members, Problem
from api.http.responses import answer, json_bytes
from api.http.thread_pools import LIGHT_DAYS, asks_store, heavy_if, reads_long
from api.http.times import iso
from api.payloads.candles import StoredInterval
from api.payloads.quality import AuditList, DayList, DigestList, VolatilityList
from api.queries.clickhouse import Row, Value
from api.queries.days import day_rows
from api.queries.quality import AUDIT, DAYS, FIRSTS, VOLATILITY
from schemas.day_digest import DIGESTS_SQL, day_ranges
from schemas.timeframe import DAY_MS, Interval

MOST_DAYS = 400
router = APIRouter(tags=["market"], dependencies=Reading)
REFUSED = errors(problems.INVALID, problems.UNKNOWN_SYMBOL, problems.SIGN_IN, problems.UNAVAILABLE)

Days = Annotated[int, Query(ge=1, le=400, description="Number of days, today included.")]


@router.get("/v1/completeness/days", responses={**REFUSED, **found(DayList)})
@heavy_if(lambda days, **_: days > LIGHT_DAYS)
def completeness_by_day(
    request: Request,
    parts: TheParts,
    *,
    symbol: OptionalSymbol = None,
    interval: StoredInterval = "15m",
    days: Days = 30,
) -> Response:
    """Return how many candles of the followed symbols are stored and missing, by UTC day.

    A day without any candle is missing as a whole, from the symbol's first candle or its listing
    on. A symbol of which nothing is known yet has no rows.
    """
    names, length_ms = _names(parts, symbol), Interval(interval).ms
    bound: dict[str, Value] = {"symbols": names, "interval": interval, "length_ms": length_ms}
    counts = parts.reader.rows(DAYS, bound | {"days": days})
    firsts = {str(r["symbol"]): int(str(r["first_ms"])) for r in parts.reader.rows(FIRSTS, bound)}
    rows = list(day_rows(counts, firsts, days=days, length_ms=length_ms))
    return answer(request, json_bytes({"data": rows}))


@router.get("/v1/completeness/digests", responses={**REFUSED, **found(DigestList)})
@heavy_if(lambda from_ms, until_ms, **_: reads_long(from_ms, until_ms))
def digests(
    request: Request, parts: TheParts, symbol: Symbol, from_ms: Since, until_ms: Until
) -> Response:
    """Return a digest of each UTC day that a range of at most 400 days touches."""
    check_range(from_ms, until_ms)
    if until_ms - from_ms > MOST_DAYS * DAY_MS:
        error = FieldError("query.from", f"is more than {MOST_DAYS} days before `to`")
        raise Problem(problems.INVALID, error.message, members=Members(errors=(error,)))
    parts.symbols.check(symbol)
    rows = [
        row
        for begin_ms, end_ms in day_ranges(from_ms, max(until_ms, from_ms + 1))
        for row in parts.reader.rows(
            DIGESTS_SQL, {"symbol": symbol, "from_ms": begin_ms, "until_ms": end_ms}
        )
    ]
    return answer(request, json_bytes({"data": rows}))


@router.get("/v1/audit", responses={**REFUSED, **found(AuditList)})
@heavy_if(lambda symbol, **_: symbol is None)  # it compares all days
def audit(
    request: Request,
    parts: TheParts,
    *,
    symbol: OptionalSymbol = None,
    interval: StoredInterval = "15m",
) -> Response:
    """Return how our candles compare with the exchange's own, by symbol."""
    if symbol:
        parts.symbols.check(symbol)
    rows = parts.reader.rows(AUDIT, {"symbol": symbol or "", "interval": interval})
    return answer(request, json_bytes({"data": [_with_time(row) for row in rows]}))


@router.get("/v1/volatility", responses={**REFUSED, **found(VolatilityList)})
@asks_store
def volatility(request: Request, parts: TheParts) -> Response:
    """Return the volatility of each followed symbol, in 15-minute returns."""
    rows = parts.reader.rows(VOLATILITY, {"symbols": list(parts.feed.followed)})
    return answer(request, json_bytes({"data": rows}))


def _names(parts: Dependencies, symbol: str | None) -> list[str]:
    if symbol is None:
        return list(parts.feed.followed)
    parts.symbols.check(symbol)
    return [symbol]


def _with_time(row: Row) -> Row:
    newest_ms = row["newest_ms"]
    return row | {"newest_time": iso(newest_ms) if isinstance(newest_ms, int) else None}
