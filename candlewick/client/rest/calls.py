"""Every endpoint that the clients offer, once: its parameters, and what it answers.

Those of predictions are in `prediction_calls`.

`Client` and `AsyncClient` have each of these as a method of the same name. ``Args`` say more only
where the API's own description (``/docs``) leaves something to say.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from candlewick.client.rest.call import Call, Moment, Pages, moment, names, rows_of
from candlewick.client.rest.health_rows import Health
from candlewick.client.rest.rows import (
    CandleRow,
    CompletenessRow,
    GapRow,
    PageOf,
    SymbolRow,
    Token,
)

if TYPE_CHECKING:
    from pydantic import JsonValue

Order = Literal["asc", "desc"]
Source = Literal["best", "trades", "exchange"]
UNAVAILABLE = 503


def symbols() -> Call[list[SymbolRow]]:
    """Return all pairs with their last prices.

    Example::

        fresh = [row.symbol for row in api.symbols() if row.fresh]
    """
    return Call("/v1/symbols", rows_of(PageOf[SymbolRow]))


def candles(
    symbol: str,
    *,
    interval: str = "15m",
    start: Moment | None = None,
    end: Moment | None = None,
    order: Order | None = None,
    source: Source = "best",
    fields: Iterable[str] | str = (),
    as_of: Moment | None = None,
    limit: int | None = None,
) -> Pages[CandleRow]:
    """Iterate over the candles of a symbol; pages are followed as they are needed.

    Those of 1s, 1m and 15m have closed. The newest of the others may still be open: its
    ``close_ms`` is later than now.

    Args:
        symbol: For example BTCUSDT.
        interval: 1s, 1m, 5m, 15m, 30m, 1h, 4h, 1d or 1w.
        start: Opens at or after this time.
        end: Opens before this time.
        order: Default: asc with ``start``, else desc, the newest first.
        source: best; trades, only our own; or exchange.
        fields: Only these besides symbol, interval and open_ms; the others are None.
        as_of: Only what could be read at this time.
        limit: Most candles in all.

    Example::

        for candle in api.candles("BTCUSDT", interval="1h", limit=3):
            print(candle.open_time, candle.close, candle.status)
    """
    query = {
        "symbol": symbol,
        "interval": interval,
        "from": moment("start", start),
        "to": moment("end", end),
        "order": order,
        "source": source,
        "fields": ",".join(names(fields)),
        "as_of": moment("as_of", as_of),
    }
    return Pages("/v1/candles", PageOf[CandleRow], query, limit=limit)


def search(
    symbols: Iterable[str] | str,
    *,
    interval: str = "15m",
    start: Moment | None = None,
    end: Moment | None = None,
    status: Iterable[str] | str = (),
    minimum_volume: str = "0",
    order: Order = "asc",
    source: Source = "best",
    fields: Iterable[str] | str = (),
    as_of: Moment | None = None,
    limit: int | None = None,
) -> Pages[CandleRow]:
    """Iterate over candles of several symbols that meet conditions, by time and symbol.

    Args:
        symbols: For example ``["BTCUSDT", "ETHUSDT"]``.
        interval: As for `candles`, like the arguments that are not named here.
        start: Opens at or after this time.
        end: Opens before this time.
        status: Only these: complete, quiet, gapped, official, incomplete.
        minimum_volume: Smallest volume in the base asset, a decimal as text.
        order: asc or desc.
        source: best, trades or exchange.
        fields: Only these besides symbol, interval and open_ms.
        as_of: Only what could be read at this time.
        limit: Most candles in all.

    Example::

        found = api.search(["BTCUSDT", "ETHUSDT"], status="complete", minimum_volume="1", limit=4)
        print([(candle.symbol, candle.volume) for candle in found])
    """
    times = {
        "from": moment("start", start),
        "to": moment("end", end),
        "as_of": moment("as_of", as_of),
    }
    body: dict[str, JsonValue] = {
        "symbols": [*names(symbols)],
        "interval": interval,
        "status": [*names(status)],
        "minimum_volume": minimum_volume,
        "order": order,
        "source": source,
        "fields": [*names(fields)],
        **{name: value for name, value in times.items() if value is not None},
    }
    return Pages("/v1/candles/search", PageOf[CandleRow], body=body, limit=limit)


def gaps(
    *,
    symbol: str | None = None,
    state: Literal["found", "repaired", "given-up", "new-era"] | None = None,
    limit: int | None = None,
) -> Pages[GapRow]:
    """Iterate over the gaps of missing trades and what became of them, newest first.

    Example::

        lost = [gap for gap in api.gaps(symbol="BTCUSDT") if gap.state == "given-up"]
    """
    return Pages("/v1/gaps", PageOf[GapRow], {"symbol": symbol, "state": state}, limit=limit)


def completeness(
    *, symbol: str | None = None, interval: Literal["1m", "15m"] = "15m"
) -> Call[list[CompletenessRow]]:
    """Return how many candles are stored and missing, by symbol and month.

    Example::

        print(sum(month.missing for month in api.completeness(symbol="BTCUSDT")))
    """
    query = {"symbol": symbol, "interval": interval}
    return Call("/v1/completeness", rows_of(PageOf[CompletenessRow]), query)


def health() -> Call[Health]:
    """Return the state of every part; it is an answer, too, while something is down.

    Example::

        print(api.health().status, api.health().reasons)
    """
    also = frozenset({UNAVAILABLE})
    return Call("/v1/healthcheck", Health.model_validate_json, also=also)


def token(username: str, password: str) -> Call[Token]:
    """Exchange a name and a password for a token."""
    form = {"username": username, "password": password}
    return Call("/v1/token", Token.model_validate_json, form=form)
