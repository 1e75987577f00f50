"""Routes of completeness by day, the audit, and volatility."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from api.access import Reading
from api.dependencies import Dependencies, TheParts
from api.http import problems
from api.http.openapi import errors, found
from api.http.parameters import OptionalSymbol
from api.http.responses import answer, json_bytes
from api.http.times import iso
from api.payloads.candles import StoredInterval
from api.payloads.quality import AuditList, DayList, VolatilityList
from api.queries.clickhouse import Row, Value
from api.queries.days import day_rows
from api.queries.quality import AUDIT, DAYS, FIRSTS, VOLATILITY
from schemas.timeframe import Interval

router = APIRouter(tags=["market"], dependencies=Reading)
REFUSED = errors(problems.INVALID, problems.UNKNOWN_SYMBOL, problems.SIGN_IN, problems.UNAVAILABLE)
Days = Annotated[int, Query(ge=1, le=400, description="Number of days, today included.")]


@router.get("/v1/completeness/days", responses={**REFUSED, **found(DayList)})
def completeness_by_day(
    request: Request,
    parts: TheParts,
    *,
    symbol: OptionalSymbol = None,
    interval: StoredInterval = "15m",
    days: Days = 30,
) -> Response:
    """Return how many candles of the followed symbols are stored and missing, by UTC day."""
    bound: dict[str, Value] = {"symbols": _names(parts, symbol), "interval": interval}
    length_ms = Interval(interval).ms
    counts = parts.reader.rows(DAYS, bound | {"days": days, "length_ms": length_ms})
    firsts = {str(r["symbol"]): int(str(r["first_ms"])) for r in parts.reader.rows(FIRSTS, bound)}
    rows = list(day_rows(counts, firsts, days=days, length_ms=length_ms))
    return answer(request, json_bytes({"data": rows}))


@router.get("/v1/audit", responses={**REFUSED, **found(AuditList)})
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
def volatility(request: Request, parts: TheParts) -> Response:
    """Return the volatility of each followed symbol, in 15-minute returns."""
    rows = parts.reader.rows(VOLATILITY, {"symbols": list(parts.settings.symbols)})
    return answer(request, json_bytes({"data": rows}))


def _names(parts: Dependencies, symbol: str | None) -> list[str]:
    if symbol is None:
        return list(parts.settings.symbols)
    parts.symbols.check(symbol)
    return [symbol]


def _with_time(row: Row) -> Row:
    newest_ms = row["newest_ms"]
    return row | {"newest_time": iso(newest_ms) if isinstance(newest_ms, int) else None}
