"""JSON models of symbols, coins and data quality."""

from pydantic import BaseModel, ConfigDict, Field


class SymbolRow(BaseModel):
    """A pair, its last price and how fresh that is."""

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
                "chosen_by": "setting",
                "not_trading_since_ms": None,
            }
        }
    )

    symbol: str
    followed: bool = Field(description="Whether its trades are read now.")
    fresh: bool = Field(description="Whether data arrived just now; otherwise the price is old.")
    last_price: str | None
    event_ms: int | None
    event_time: str | None
    age_s: float | None = Field(description="Seconds since data last arrived; null if unknown.")
    chosen_by: str = Field(
        description="Who decides whether it is followed: hand (`candlewick symbols`) or setting."
    )
    not_trading_since_ms: int | None = Field(
        description="Time of its newest trade if the exchange does not trade it any more."
    )


class SymbolList(BaseModel):
    """All pairs."""

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
    """All coins, by rank."""

    data: list[CoinRow]


class GapRow(BaseModel):
    """A gap of missing trades, and whether it was repaired; or where ids begin again."""

    symbol: str
    first_agg_id: int
    last_agg_id: int
    after_ms: int | None
    after_time: str | None
    before_ms: int | None
    before_time: str | None
    state: str = Field(
        description="found, repaired or given-up; new-era: no gap, both ids are its first one."
    )
    noticed_ms: int
    noticed_time: str
    changed_ms: int
    changed_time: str
    reason: str
    era: int = Field(description="How many times the ids of the symbol had begun again.")


class GapPage(BaseModel):
    """A page of gaps, newest first."""

    data: list[GapRow]
    next_cursor: str | None


class CompletenessRow(BaseModel):
    """Completeness of a symbol and interval in one month.

    `expected` is the sum of `held`, the holes of each kind, and `missing`.
    """

    symbol: str
    interval: str
    month: str = Field(description="UTC, for example 2026-01.")
    expected: int = Field(description="From the first candle, or the listing, to now.")
    held: int = Field(description="Stored: the exchange's candles, or ours with no trade missing.")
    official_holes: int = Field(description="The exchange itself has none, as trade ids prove.")
    unproven_holes: int = Field(description="The exchange has none, and the reason is unproven.")
    irregular_holes: int = Field(description="The exchange has rows there that are no candles.")
    ended_holes: int = Field(description="After the last trade: halted or delisted.")
    missing: int
    gapped: int = Field(description="Part of missing: only ours exist, with trades missing.")
    verified: int = Field(description="Our candles that equal the exchange's.")
    mismatched: int
    not_trading_since_ms: int | None = Field(
        None,
        description="Time of the newest trade of a symbol that is not traded any more: later "
        "candles are ended holes.",
    )


class CompletenessPage(BaseModel):
    """Completeness by symbol and month."""

    data: list[CompletenessRow]
