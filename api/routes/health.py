"""Routes of health: alive, ready, and the full report, all answered from memory."""

from collections.abc import Sequence
from http import HTTPStatus

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api.dependencies import TheParts
from api.health.checks import Check, State, worst
from api.http.responses import json_bytes

router = APIRouter(tags=["health"])


class PartHealth(BaseModel):
    """State of one part."""

    ok: bool
    state: str = Field(description="ok, starting or down.")
    reason: str | None = Field(description="Why it is down or still starting.")
    took_ms: float | None = Field(description="Time to answer, in milliseconds.")


class SymbolHealth(BaseModel):
    """Newest state of a symbol's stream."""

    symbol: str
    fresh: bool
    last_price: str | None = Field(description="null if reading market data needs an account.")
    event_ms: int | None
    event_time: str | None
    age_s: float | None = Field(description="Seconds since data last arrived.")


class StoredAge(BaseModel):
    """Age of the newest row of a symbol in a table."""

    table: str
    symbol: str
    age_s: float | None = Field(description="Seconds; null if there is no recent row.")


class GroupLag(BaseModel):
    """Lag of a consumer group in a topic."""

    group: str
    topic: str
    records: int
    seconds: float = Field(description="Age of the oldest waiting record, as far as observed.")
    standing_s: float = Field(description="Seconds without progress while records are waiting.")
    has_moved: bool = Field(description="Whether it has made progress since the API started.")


class Health(BaseModel):
    """The full health report."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "status": "down",
                "reasons": ["stream: nothing new of BTCUSDT"],
                "parts": {"database": {"ok": True, "state": "ok", "reason": None, "took_ms": 2.1}},
                "checked_s": 1.4,
                "symbols": [],
                "not_traded": {},
                "stored": [{"table": "trades", "symbol": "BTCUSDT", "age_s": 0.9}],
                "lag": [],
                "members": {"candlewick-sinks": 1},
                "newest_prediction_age_s": 3.2,
                "clock_offset_ms": -41,
                "stream_clients": 12,
            }
        }
    )

    status: str = Field(description="ok, starting or down.")
    reasons: list[str]
    parts: dict[str, PartHealth]
    checked_s: float = Field(description="Seconds since the last check.")
    symbols: list[SymbolHealth]
    not_traded: dict[str, str | None] = Field(
        description="Followed symbols that the exchange does not trade, each with the time of its "
        "newest trade. Nothing new is expected of them."
    )
    stored: list[StoredAge] | None = Field(description="null if ClickHouse does not answer.")
    lag: list[GroupLag] | None = Field(description="null if Kafka does not answer.")
    members: dict[str, int] = Field(description="Processes in each consumer group.")
    newest_prediction_age_s: float | None
    clock_offset_ms: int | None = Field(
        description="The exchange's clock minus ours and the network delay; null while unknown."
    )
    stream_clients: int


class Readiness(BaseModel):
    """Whether requests can be answered."""

    status: str
    reasons: list[str]


@router.get("/livez", response_model=Readiness)
async def livez() -> Response:
    """Answer while the process runs."""
    return _answer([], {})


@router.get("/readyz", response_model=Readiness, responses={503: {"model": Readiness}})
async def readyz(parts: TheParts) -> Response:
    """Return whether requests can be answered: the database answers and Kafka is being read."""
    checks = parts.report.readiness()
    if any(check.state is State.STARTING for check in checks):
        return _answer(checks, {}, HTTPStatus.SERVICE_UNAVAILABLE)
    return _answer(checks, {})


@router.get("/healthcheck", response_model=Health, responses={503: {"model": Health}})
@router.get("/v1/healthcheck", response_model=Health, responses={503: {"model": Health}})
async def healthcheck(parts: TheParts) -> Response:
    """Return the state of every part and of the data: 503 with the reasons if one is down."""
    checks = parts.report.checks()
    shown = {
        c.name: {"ok": c.is_ok, "state": c.state, "reason": c.reason, "took_ms": c.took_ms}
        for c in checks
    }
    return _answer(checks, {"parts": shown, **parts.report.facts()})


def _answer(
    checks: Sequence[Check], facts: dict[str, object], status: HTTPStatus | None = None
) -> Response:
    state = worst(checks)
    is_down = state is State.DOWN
    reasons = [f"{c.name}: {c.reason}" for c in checks if c.state is not State.OK]
    body = {"status": state, "reasons": reasons, **facts}
    status = status or (HTTPStatus.SERVICE_UNAVAILABLE if is_down else HTTPStatus.OK)
    retry = {} if status is HTTPStatus.OK else {"Retry-After": "5"}
    headers = {"Cache-Control": "no-store", **retry}
    return Response(json_bytes(body), status, headers, "application/json")
