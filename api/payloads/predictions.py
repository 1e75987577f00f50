"""JSON models of predictions and scores."""

from pydantic import BaseModel, ConfigDict, Field, JsonValue

_LATELY: dict[str, JsonValue] = {
    "cases": 9974,
    "point_skill": -0.0003,
    "pinball_skill": 0.071,
    "pinball_bp": 3.91,
    "reference_pinball_bp": 4.21,
    "absolute_error_bp": 9.8,
    "coverage_50": 0.497,
    "coverage_90": 0.902,
    "width_50_bp": 12.1,
    "width_90_bp": 33.4,
}
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
}


class Lately(BaseModel):
    """A model's skill in the last seven days, on questions that the reference also answered.

    A skill is `1 - error / error of the reference`: at zero the model is no better than it.
    """

    cases: int
    point_skill: float | None = Field(description="Skill in the squared error of the close.")
    pinball_skill: float | None = Field(description="Skill in the interval's pinball loss.")
    pinball_bp: float
    reference_pinball_bp: float
    absolute_error_bp: float
    coverage_50: float = Field(description="Share of closes inside the 50 % interval.")
    coverage_90: float
    width_50_bp: float
    width_90_bp: float


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


class FreshPrediction(PredictionRow):
    """A prediction for a candle that is open now."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                **_PREDICTION,
                "seconds_to_close": 478.2,
                "age_s": 1.9,
                "lately": _LATELY,
            }
        }
    )

    seconds_to_close: float = Field(description="By the stream's event time.")
    age_s: float = Field(description="Seconds since it arrived.")
    lately: Lately | None = Field(description="Recent skill; null while there are no scores.")


class CurrentPrediction(FreshPrediction):
    """The champion's prediction, and those of the other models."""

    challengers: list[FreshPrediction]


class PredictionPage(BaseModel):
    """A page of past predictions, and the cursor of the next page."""

    data: list[PredictionRow]
    next_cursor: str | None


class SkillRow(Lately):
    """A model's skill over a period; the request chooses the keys besides the model."""

    symbol: str | None = None
    model: str
    minutes: int | None = Field(None, description="Minutes to close, rounded.")
    day: str | None = Field(None, description="UTC day.")


class SkillPage(BaseModel):
    """The scoreboard."""

    data: list[SkillRow]
