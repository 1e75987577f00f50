"""JSON models of candles and of the requests for them."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from api.http.parameters import MOST_SYMBOLS, CommaSeparated, SymbolName
from api.http.times import END_MS, TimeMs
from api.queries.candles import FIELDS, Order, Origin
from api.queries.formats import Format

IntervalName = Literal["1s", "1m", "5m", "15m", "30m", "1h", "4h", "1d", "1w"]
StoredInterval = Literal["1m", "15m"]
FieldName = Annotated[str, Field(pattern=f"^({'|'.join(FIELDS)})$")]
StatusName = Literal["complete", "quiet", "gapped", "official", "incomplete"]
_EXAMPLE: dict[str, JsonValue] = {
    "symbol": "BTCUSDT",
    "interval": "15m",
    "open_ms": 1_700_000_100_000,
    "open_time": "2023-11-14T22:15:00.000Z",
    "close_ms": 1_700_001_000_000,
    "close_time": "2023-11-14T22:30:00.000Z",
    "open": "35481.08",
    "high": "35510",
    "low": "35466.5",
    "close": "35502.13",
    "volume": "311.01822",
    "quote_volume": "11037520.3117",
    "trade_count": 12034,
    "taker_buy_volume": "160.2",
    "taker_buy_quote_volume": "5687012.7",
    "first_trade_id": 3270519284,
    "last_trade_id": 3270531317,
    "status": "complete",
    "revision": 1,
    "source": "trades",
}


class CandleRow(BaseModel):
    """A candle ``[open, close)``; the request chooses its fields."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE})

    symbol: str
    interval: str
    open_ms: int
    open_time: str | None = None
    close_ms: int | None = None
    close_time: str | None = None
    open: str | None = Field(None, description="Prices and volumes are decimals, as text.")
    high: str | None = None
    low: str | None = None
    close: str | None = None
    volume: str | None = None
    quote_volume: str | None = None
    trade_count: int | None = None
    taker_buy_volume: str | None = None
    taker_buy_quote_volume: str | None = None
    first_trade_id: int | None = Field(None, description="-1 when nothing was traded.")
    last_trade_id: int | None = None
    status: str | None = Field(
        None,
        description="complete, quiet or gapped; official: the exchange's own; incomplete: made "
        "from shorter candles of which some are missing, or still to come: look at close_ms.",
    )
    revision: int | None = None
    source: str | None = None


class CandlePage(BaseModel):
    """A page of candles, and the cursor of the next page."""

    data: list[CandleRow]
    next_cursor: str | None


class CandleSearch(BaseModel):
    """A search for candles of several symbols."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "symbols": ["BTCUSDT", "ETHUSDT"],
                "interval": "15m",
                "from": "2026-01-01T00:00:00Z",
                "to": "2026-01-02T00:00:00Z",
                "status": ["complete"],
                "minimum_volume": "10.5",
                "fields": ["open_time", "close", "volume"],
                "order": "desc",
                "limit": 100,
            }
        },
    )

    symbols: list[SymbolName] = Field(min_length=1, max_length=MOST_SYMBOLS)
    interval: IntervalName = "15m"
    from_ms: TimeMs = Field(0, alias="from")
    until_ms: TimeMs = Field(END_MS - 1, alias="to")
    status: list[StatusName] = Field([], max_length=5)
    minimum_volume: Annotated[str, Field(pattern=r"^[0-9]{1,18}(\.[0-9]{1,8})?$")] = "0"
    source: Origin = Origin.BEST
    fields: list[FieldName] = Field([], max_length=len(FIELDS))
    order: Order = Order.ASCENDING
    limit: int = Field(500, ge=1, le=2_000_000)
    cursor: str | None = Field(None, max_length=400)
    as_of: TimeMs | None = None
    format: Format | None = None


class CandleParams(BaseModel):
    """A request for candles of one symbol, by URL parameters."""

    symbol: SymbolName = Field(description="A pair, for example BTCUSDT.")
    interval: IntervalName = "15m"
    from_ms: TimeMs | None = Field(None, alias="from", description="Start, inclusive.")
    until_ms: TimeMs = Field(END_MS - 1, alias="to", description="End, exclusive.")
    limit: int = Field(500, ge=1, le=2_000_000, description="Most rows; limited by the server.")
    cursor: str | None = Field(None, max_length=400, description="`next_cursor` of an answer.")
    order: Order | None = Field(
        None, description="Default: asc if `from` is given, otherwise desc, the newest first."
    )
    source: Origin = Field(
        Origin.BEST,
        description="best: our own candles, and the exchange's where ours are missing or gapped; "
        "trades: only ours; exchange: only the exchange's. The latter two have 1m and 15m only.",
    )
    fields: Annotated[list[FieldName], CommaSeparated] = Field(
        [],
        max_length=len(FIELDS),
        description="Only these, comma separated, besides symbol, interval and open_ms.",
    )
    as_of: TimeMs | None = Field(
        None,
        description="Only what could be read at this time: without candles that were stored later, "
        "and corrected ones as they were. Of 1m and 15m only.",
    )
    format: Format | None = Field(None, description="Takes precedence over the `Accept` header.")

    def as_search(self) -> CandleSearch:
        """Return the same request as a search."""
        newest_first = self.from_ms is None
        return CandleSearch.model_construct(
            symbols=[self.symbol],
            interval=self.interval,
            from_ms=self.from_ms or 0,
            until_ms=self.until_ms,
            order=self.order or (Order.DESCENDING if newest_first else Order.ASCENDING),
            source=self.source,
            fields=self.fields,
            limit=self.limit,
            cursor=self.cursor,
            as_of=self.as_of,
            format=self.format,
        )
