"""What the REST API answers, as typed rows: prices are `Decimal`, times know that they are UTC.

The names are those of `/openapi.json`. A field that a newer API adds is passed over.
"""

from datetime import datetime
from decimal import Decimal
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict


class Row(BaseModel):
    """A row that does not change."""

    model_config = ConfigDict(frozen=True, extra="ignore")


RowT = TypeVar("RowT", bound=Row)


class PageOf(Row, Generic[RowT]):
    """Rows, and the cursor of the next page where there may be one."""

    data: list[RowT]
    next_cursor: str | None = None


class CandleRow(Row):
    """A candle ``[open, close)``. A field that was not asked for is None."""

    symbol: str
    interval: str
    open_ms: int
    open_time: datetime | None = None
    close_ms: int | None = None
    close_time: datetime | None = None
    open: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    close: Decimal | None = None
    volume: Decimal | None = None
    quote_volume: Decimal | None = None
    trade_count: int | None = None
    taker_buy_volume: Decimal | None = None
    taker_buy_quote_volume: Decimal | None = None
    first_trade_id: int | None = None
    last_trade_id: int | None = None
    status: str | None = None
    revision: int | None = None
    source: str | None = None


class LiveCandle(CandleRow):
    """A candle of the live stream, open or closed.

    Attributes:
        event_ms: Newest event time known when it was made.
        price_variation: Sum of squared differences of consecutive trade prices, quote squared.
    """

    event_ms: int | None = None
    event_time: datetime | None = None
    price_variation: Decimal | None = None


class SymbolRow(Row):
    """A pair, its last price and how fresh that is."""

    symbol: str
    followed: bool
    fresh: bool
    last_price: Decimal | None
    event_ms: int | None
    event_time: datetime | None
    age_s: float | None
    chosen_by: str
    not_trading_since_ms: int | None


class GapRow(Row):
    """A gap of missing trades, and whether it was repaired; or where ids begin again."""

    symbol: str
    first_agg_id: int
    last_agg_id: int
    after_ms: int | None
    after_time: datetime | None
    before_ms: int | None
    before_time: datetime | None
    state: str
    noticed_ms: int
    noticed_time: datetime
    changed_ms: int
    changed_time: datetime
    reason: str
    era: int


class CompletenessRow(Row):
    """Completeness of a symbol and interval in one month, such as ``2026-01``."""

    symbol: str
    interval: str
    month: str
    expected: int
    held: int
    official_holes: int
    unproven_holes: int
    irregular_holes: int
    ended_holes: int
    missing: int
    gapped: int
    verified: int
    mismatched: int
    not_trading_since_ms: int | None = None


class Token(Row):
    """A token, and for how many seconds it is valid."""

    access_token: str
    token_type: str
    expires_in: int
    role: str
