"""JSON models of data quality by day, digests of days, the audit, and volatility."""

from pydantic import BaseModel, ConfigDict, Field


class DayRow(BaseModel):
    """Completeness of a symbol on one UTC day.

    `expected = held + gapped + official_holes + missing`.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "symbol": "BTCUSDT",
                "day": "2026-01-31",
                "expected": 96,
                "held": 95,
                "gapped": 1,
                "official_holes": 0,
                "verified": 95,
                "mismatched": 0,
                "missing": 0,
            }
        }
    )

    symbol: str
    day: str = Field(description="UTC, for example 2026-01-31.")
    expected: int = Field(description="From the symbol's first candle, hole or listing to now.")
    held: int = Field(description="Stored: the exchange's candles, or ours with no trade missing.")
    gapped: int = Field(description="Only ours exist, with trades missing.")
    official_holes: int = Field(description="The exchange has none, or trades it no more.")
    verified: int = Field(description="Our candles that equal the exchange's.")
    mismatched: int
    missing: int


class DayList(BaseModel):
    """Completeness by symbol and day."""

    data: list[DayRow]


class DigestRow(BaseModel):
    """What is held of a symbol's UTC day, as one SHA-256 over its 1m candles."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "symbol": "BTCUSDT",
                "day": "2026-01-31",
                "candles": 1440,
                "sha256": "9b60a1f1e8f5c9c1b1dfdf2f8e0f1b5c3a1f3d3d2d6c9d2d6f0b6a5f3c1e7d42",
            }
        }
    )

    symbol: str
    day: str = Field(description="UTC, for example 2026-01-31.")
    candles: int = Field(description="Held of 1,440, none of them with trades missing.")
    sha256: str | None = Field(description="Null while one is missing, or after an outage.")


class DigestList(BaseModel):
    """The digests of a symbol's days, oldest first."""

    data: list[DigestRow]


class AuditRow(BaseModel):
    """Comparison of our candles of a symbol with the exchange's own, field by field."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "symbol": "BTCUSDT",
                "interval": "15m",
                "verified": 2873,
                "mismatched": 0,
                "gapped": 1,
                "only_ours": 1,
                "only_exchange": 5,
                "newest_ms": 1_700_000_100_000,
                "newest_time": "2023-11-14T22:15:00.000Z",
                "mismatched_ms": [],
            }
        }
    )

    symbol: str
    interval: str
    verified: int = Field(description="Every field is equal.")
    mismatched: int
    gapped: int = Field(description="Ours is marked as having trades missing.")
    only_ours: int = Field(description="The exchange's candle has not arrived yet.")
    only_exchange: int = Field(description="Mostly from before our first trades.")
    newest_ms: int | None = Field(description="Open time of the newest candle compared.")
    newest_time: str | None
    mismatched_ms: list[int] = Field(description="Open times of the newest mismatches.")


class AuditList(BaseModel):
    """The audit, by symbol."""

    data: list[AuditRow]


class VolatilityRow(BaseModel):
    """How much a symbol moves: standard deviation of 15-minute log returns."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "symbol": "BTCUSDT",
                "moves": 2879,
                "day_bp": 18.2,
                "week_bp": 21.7,
                "month_bp": 23.9,
            }
        }
    )

    symbol: str
    moves: int = Field(description="Returns of the last 30 days.")
    day_bp: float | None = Field(description="Over one day, basis points; null if unknown.")
    week_bp: float | None = Field(description="Over seven days.")
    month_bp: float | None = Field(description="Over thirty days.")


class VolatilityList(BaseModel):
    """Volatility of every followed symbol."""

    data: list[VolatilityRow]
