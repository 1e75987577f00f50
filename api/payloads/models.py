"""JSON models of model events and trainings."""

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from api.http.parameters import SymbolName
from api.http.times import TimeMs
from schemas.predictions import ModelEvent

_TRAINING: dict[str, JsonValue] = {
    "id": "2-17",
    "url": "/v1/models/trainings/2-17",
    "status": "waiting",
    "symbol": "BTCUSDT",
    "model": "batch",
    "from_ms": 1_690_000_000_000,
    "from_time": "2023-07-22T04:26:40.000Z",
    "until_ms": 1_700_000_000_000,
    "until_time": "2023-11-14T22:13:20.000Z",
    "requested_by": "ada",
    "requested_ms": 1_700_000_100_000,
    "requested_time": "2023-11-14T22:15:00.000Z",
    "result": None,
}


class ModelEventRow(BaseModel):
    """An event of a model, with its evidence."""

    model: str
    version: str
    symbol: str = Field(description="Empty if it affects all symbols.")
    event: str = Field(description=f"One of {', '.join(ModelEvent)}.")
    event_ms: int
    event_time: str
    reason: str
    details: dict[str, object] | None = Field(description="Figures that led to the event.")


class ModelPage(BaseModel):
    """A page of model events, newest first."""

    data: list[ModelEventRow]
    next_cursor: str | None


class TrainingWish(BaseModel):
    """A request for a training: the model, the symbol and the range."""

    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=True,
        json_schema_extra={
            "example": {
                "symbol": "BTCUSDT",
                "model": "batch",
                "interval": "15m",
                "from": "2026-01-01T00:00:00Z",
                "to": "2026-06-30T00:00:00Z",
            }
        },
    )

    symbol: SymbolName | None = Field(None, description="Default: all symbols.")
    model: str = Field("batch", pattern=r"^[a-z0-9_-]{1,40}$")
    interval: str = Field("15m", pattern="^15m$", description="Length of the predicted candle.")
    from_ms: TimeMs = Field(alias="from")
    until_ms: TimeMs = Field(alias="to")


class Training(BaseModel):
    """A request for a training, and its result."""

    model_config = ConfigDict(json_schema_extra={"example": _TRAINING})

    id: str
    url: str = Field(description="Path of its status, below the API's address.")
    status: str = Field(description="waiting, trained or failed.")
    symbol: str
    model: str
    from_ms: int
    from_time: str
    until_ms: int
    until_time: str
    requested_by: str
    requested_ms: int
    requested_time: str
    result: ModelEventRow | None
