"""JSON models of predictions."""

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from api.payloads.scores import LATELY, Lately

_PREDICTION: dict[str, JsonValue] = {
    "symbol": "BTCUSDT",
    "interval": "15m",
    "open_ms": 1_700_000_100_000,
    "open_time": "2023-11-14T22:15:00.000Z",
    "close_ms": 1_700_001_000_000,
    "close_time": "2023-11-14T22:30:00.000Z",
    "issued_ms": 1_700_000_520_000,
    "issued_time": "2023-11-14T22:22:00.000Z",
    "minutes_to_close": 8.0,
    "model": "online",
    "version": "1",
    "status": "ready",
    "scored": True,
    "champion": True,
    "last_price": "35481.08",
    "price": "35481.5",
    "low_50": "35460.1",
    "high_50": "35502.88",
    "low_90": "35421.07",
    "high_90": "35541.9",
    "volatility_bp": 3.1,
    "low_98": "35392.6",
    "low_80": "35436.3",
    "high_80": "35526.71",
    "high_98": "35570.4",
    "open": "35468.92",
    "chance_up": 0.644,
    "chance_champion": True,
}
_CHANCE: dict[str, JsonValue] = {
    "model": "online",
    "open": "35468.92",
    "up": 0.644,
    "above": [{"price": "35500", "chance": 0.272}],
}


class IssuedRow(BaseModel):
    """The candle `[open, close)` of a prediction, the time of issue, and the model."""

    symbol: str
    interval: str
    open_ms: int
    open_time: str
    close_ms: int
    close_time: str
    issued_ms: int
    issued_time: str
    minutes_to_close: float
    model: str
    version: str


class PredictionRow(IssuedRow):
    """A published prediction of where the candle `[open, close)` will close."""

    model_config = ConfigDict(json_schema_extra={"example": _PREDICTION})

    status: str = Field(description="ready, cold or gapped; the latter two have wider intervals.")
    scored: bool = Field(description="False if made between two minutes, only for display.")
    champion: bool
    last_price: str = Field(description="Price at the time of issue; the reference predicts this.")
    price: str = Field(description="Predicted close.")
    low_50: str
    high_50: str
    low_90: str
    high_90: str
    volatility_bp: float = Field(
        description="Usual move in a minute over the last hour, basis points."
    )
    low_98: str | None = Field(description="null in predictions of before there were chances.")
    low_80: str | None
    high_80: str | None
    high_98: str | None
    open: str | None = Field(
        description="Open of the candle; null in its first seconds, and if its first minute is "
        "missing."
    )
    chance_up: float | None = Field(
        description="Probability that the candle closes at or above its open, by this model; null "
        "if the open is not known."
    )
    chance_champion: bool = Field(
        description="Whether the model was the champion of the chance, which may be another one "
        "than the champion of the interval."
    )


class FreshPrediction(PredictionRow):
    """A prediction for a candle that is open now."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                **_PREDICTION,
                "seconds_to_close": 478.2,
                "age_s": 1.9,
                "lately": LATELY,
            }
        }
    )

    seconds_to_close: float = Field(description="By the stream's event time.")
    age_s: float = Field(description="Seconds since it arrived.")
    lately: Lately | None = Field(description="Recent skill; null while there are no scores.")


class ChanceAbove(BaseModel):
    """The chance that the candle closes at or above a price."""

    price: str
    chance: float | None = Field(
        description="Probability, from 0.0001 to 0.9999; null if the outer quantiles are unknown."
    )


class Chance(BaseModel):
    """Chances of where the open candle closes, by the champion of the chance."""

    model_config = ConfigDict(json_schema_extra={"example": _CHANCE})

    model: str
    open: str | None = Field(description="Open of the candle, as in that model's prediction.")
    up: float | None = Field(description="`chance_up` of that model's prediction.")
    above: list[ChanceAbove] = Field(description="An answer for each `above`, in their order.")


class CurrentPrediction(FreshPrediction):
    """The champion's prediction, those of the other models, and the chances."""

    challengers: list[FreshPrediction]
    chance: Chance


class PredictionPage(BaseModel):
    """A page of past predictions, and the cursor of the next page."""

    data: list[PredictionRow]
    next_cursor: str | None
