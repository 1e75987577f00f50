"""JSON models of past predictions with their outcomes."""

from pydantic import BaseModel, ConfigDict, Field

from api.payloads.predictions import IssuedRow


class OutcomeRow(IssuedRow):
    """A prediction whose candle has closed, with the actual close."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "symbol": "BTCUSDT",
                "interval": "15m",
                "open_ms": 1_700_000_100_000,
                "open_time": "2023-11-14T22:15:00.000Z",
                "close_ms": 1_700_001_000_000,
                "close_time": "2023-11-14T22:30:00.000Z",
                "issued_ms": 1_700_000_400_000,
                "issued_time": "2023-11-14T22:20:00.000Z",
                "minutes_to_close": 10.0,
                "model": "online",
                "version": "1",
                "champion": True,
                "price": "35481.5",
                "outcome": "35502.13",
                "low_50": "35460.1",
                "high_50": "35502.88",
                "low_90": "35421.07",
                "high_90": "35541.9",
                "error_bp": 5.8,
                "width_50_bp": 12.1,
                "width_90_bp": 33.4,
                "covered_50": True,
                "covered_90": True,
                "open": "35468.92",
                "chance_up": 0.644,
                "chance_champion": True,
                "up": True,
                "brier": 0.1267,
            }
        }
    )

    champion: bool
    price: str = Field(description="Predicted close.")
    outcome: str = Field(description="Actual close.")
    low_50: str | None = Field(
        description="null for a prediction that a replay made afterwards: it was never published."
    )
    high_50: str | None
    low_90: str | None
    high_90: str | None
    error_bp: float = Field(description="Log return from the predicted to the actual close.")
    width_50_bp: float
    width_90_bp: float
    covered_50: bool = Field(description="Whether the close lay inside the 50 % interval.")
    covered_90: bool
    open: str | None = Field(description="Open of the candle; null if its first minute is missing.")
    chance_up: float | None = Field(
        description="Probability that was given to a close at or above the open."
    )
    chance_champion: bool
    up: bool | None = Field(description="Whether the candle closed at or above its open.")
    brier: float | None = Field(description="Square of `chance_up` minus 1 or 0.")


class OutcomePage(BaseModel):
    """A page of past predictions with their outcomes, newest first."""

    data: list[OutcomeRow]
    next_cursor: str | None
