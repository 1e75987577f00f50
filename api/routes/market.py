"""Routes of symbols, coins, gaps and completeness."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from api.access import Reading
from api.dependencies import Dependencies, TheParts
from api.http import problems
from api.http.cursors import cursor_of, key_of
from api.http.openapi import errors, found
from api.http.parameters import Cursor, OptionalSymbol, Rows
from api.http.responses import answer, json_bytes
from api.http.thread_pools import asks_store, heavy_if, heavy_in_turn
from api.http.times import END_MS, iso
from api.payloads.candles import StoredInterval
from api.payloads.market import CoinList, CompletenessPage, GapPage, SymbolList
from api.queries.market import COINS, COMPLETENESS, GAPS, LAST_PRICES

router = APIRouter(tags=["market"], dependencies=Reading)
REFUSED = errors(problems.INVALID, problems.UNKNOWN_SYMBOL, problems.SIGN_IN, problems.UNAVAILABLE)
State = Annotated[
    str | None,
    Query(pattern="^(found|repaired|given-up|new-era)$", description="Only in this state."),
]


@router.get("/v1/symbols", responses={**REFUSED, **found(SymbolList)})
@asks_store
def symbols(request: Request, parts: TheParts) -> Response:
    """Return all pairs with their last prices; a pair without recent data is not fresh."""
    stored = {str(row["symbol"]): row for row in parts.reader.rows(LAST_PRICES)}
    rows = [_symbol(parts, symbol, stored.get(symbol)) for symbol in parts.symbols.all()]
    return answer(request, json_bytes({"data": rows}))


@router.get("/v1/coins", responses={**REFUSED, **found(CoinList)})
@asks_store
def coins(request: Request, parts: TheParts) -> Response:
    """Return CoinGecko's newest description of each coin, by rank."""
    return answer(request, _listed(parts.reader.lines(COINS, {})))


@router.get("/v1/gaps", responses={**REFUSED, **found(GapPage)})
@heavy_in_turn
def gaps(
    request: Request,
    parts: TheParts,
    *,
    symbol: OptionalSymbol = None,
    state: State = None,
    limit: Rows = 500,
    cursor: Cursor = None,
) -> Response:
    """Return the gaps of missing trades and whether they were repaired, newest first."""
    if symbol:
        parts.symbols.check(symbol)
    ms, after, first_id = key_of(cursor, (int, str, int)) if cursor else (END_MS, "", 0)
    most = min(limit, parts.settings.api.page_rows)
    asked = {"symbol": symbol or "", "state": state or ""}
    place = {"ms": ms, "after_symbol": after, "first_id": first_id}
    lines = parts.reader.lines(GAPS, {**asked, **place, "limit": most + 1})
    end = None
    if len(lines) > most:
        row = orjson.loads(lines[most - 1])
        end = cursor_of((row["noticed_ms"], row["symbol"], row["first_agg_id"]))
    body = b'{"data":[%b],"next_cursor":%b}' % (b",".join(lines[:most]), json_bytes(end))
    return answer(request, body)


@router.get("/v1/completeness", responses={**REFUSED, **found(CompletenessPage)})
@heavy_if(lambda symbol, **_: symbol is None)  # it counts all that is stored
def completeness(
    request: Request,
    parts: TheParts,
    *,
    symbol: OptionalSymbol = None,
    interval: StoredInterval = "15m",
) -> Response:
    """Return how many candles are stored, missing, verified and mismatched, by symbol and month."""
    if symbol:
        parts.symbols.check(symbol)
    rows = parts.reader.rows(COMPLETENESS, {"symbol": symbol or "", "interval": interval})
    shown = [{**row, "month": row.pop("month_text")} for row in rows]
    return answer(request, json_bytes({"data": shown}))


def _symbol(
    parts: Dependencies, symbol: str, stored: dict[str, object] | None
) -> dict[str, object]:
    facts = parts.report.head(symbol)
    if facts["last_price"] is None and stored is not None:
        event_ms = stored["event_ms"]
        facts |= {"last_price": stored["close"], "event_ms": event_ms}
        facts["event_time"] = iso(event_ms) if isinstance(event_ms, int) else None
    book = parts.feed.followed.book
    return facts | {
        "followed": symbol in parts.feed.followed,
        "chosen_by": "hand" if symbol in book.by_hand else "setting",
        "not_trading_since_ms": book.ended_ms(symbol),
    }


def _listed(lines: list[bytes]) -> bytes:
    return b'{"data":[%b]}' % b",".join(lines)
