"""Symbols, coins and data quality as JSON has them."""

from pydantic import BaseModel, ConfigDict, Field


class SymbolRow(BaseModel):
    """A pair and how fresh it is."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "symbol": "BTCUSDT",
                "followed": True,
                "fresh": True,
                "last_price": "35481.08",
                "event_ms": 1_700_000_520_000,
                "event_time": "2023-11-14T22:22:00.000Z",
                "age_s": 0.4,
            }
        }
    )

    symbol: str
    followed: bool = Field(description="Whether its trades are read now.")
    fresh: bool = Field(description="Whether something came just now; else the price is old.")
    last_price: str | None
    event_ms: int | None
    event_time: str | None
    age_s: float | None = Field(description="Seconds since something came; null where unknown.")


class SymbolList(BaseModel):
    """Every pair."""

    data: list[SymbolRow]


class CoinRow(BaseModel):
    """A coin as CoinGecko describes it; US dollars, changes in per cent."""

    coin_id: str
    ticker: str
    name: str
    rank: int | None
    price: str | None
    market_cap: str | None
    fully_diluted: str | None
    volume_24h: str | None
    high_24h: str | None
    low_24h: str | None
    change_24h: str | None
    market_cap_change_24h: str | None
    circulating_supply: str | None
    total_supply: str | None
    max_supply: str | None
    ath: str | None
    ath_change: str | None
    ath_ms: int | None
    ath_time: str | None
    atl: str | None
    atl_change: str | None
    atl_ms: int | None
    atl_time: str | None
    updated_ms: int
    updated_time: str


class CoinList(BaseModel):
    """Every coin, by rank."""

    data: list[CoinRow]


class GapRow(BaseModel):
    """Trades that were missing, and what became of it."""

    symbol: str
    first_agg_id: int
    last_agg_id: int
    after_ms: int | None
    after_time: str | None
    before_ms: int | None
    before_time: str | None
    state: str = Field(description="found, repaired or given-up.")
    noticed_ms: int
    noticed_time: str
    changed_ms: int
    changed_time: str
    reason: str


class GapPage(BaseModel):
    """Gaps, the newest first."""

    data: list[GapRow]
    next_cursor: str | None


class CompletenessRow(BaseModel):
    """What is held of a symbol, an interval and a month.

    `expected = held + official_holes + unproven_holes + missing`.
    """

    symbol: str
    interval: str
    month: str = Field(description="UTC, for example 2026-01.")
    expected: int = Field(description="From the first candle, or the listing, to now.")
    held: int = Field(description="The exchange's, or ours with nothing missing in it.")
    official_holes: int = Field(description="The exchange itself has none, as trade ids prove.")
    unproven_holes: int = Field(description="The exchange has none, and nobody could prove why.")
    missing: int
    gapped: int = Field(description="Of the missing, those that ours has with trades missing.")
    verified: int = Field(description="Ours, equal to the exchange's.")
    mismatched: int


class CompletenessPage(BaseModel):
    """What is held, missing and verified."""

    data: list[CompletenessRow]
