"""Is it alive, is it ready, and what is wrong."""

from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api import health
from api.answers import json_bytes
from api.health import Check
from api.lag import Lag, read_lags
from api.parts import Parts, TheParts
from schemas.errors import Transient

router = APIRouter(tags=["health"])
READINESS = (health.check_database, health.check_listening)
EVERYTHING = (
    health.check_database,
    health.check_broker,
    health.check_listening,
    health.check_versions,
    health.check_stream,
    health.check_predictions,
)


class PartHealth(BaseModel):
    """How one part does."""

    ok: bool
    reason: str | None = Field(description="Why not.")
    took_ms: float | None = Field(description="How long it took to answer.")


class SymbolHealth(BaseModel):
    """Where a symbol's stream is."""

    symbol: str
    fresh: bool
    last_price: str | None
    event_ms: int | None
    event_time: str | None
    age_s: float | None = Field(description="Seconds since something came.")


class GroupLag(BaseModel):
    """How far a consumer group is behind."""

    group: str
    topic: str
    records: int


class Health(BaseModel):
    """How everything does."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "status": "down",
                "reasons": ["stream: nothing new of BTCUSDT"],
                "parts": {"database": {"ok": True, "reason": None, "took_ms": 2.1}},
                "symbols": [],
                "lag": [],
                "newest_prediction_age_s": 3.2,
                "stream_clients": 12,
            }
        }
    )

    status: str = Field(description="ok or down.")
    reasons: list[str]
    parts: dict[str, PartHealth]
    symbols: list[SymbolHealth]
    lag: list[GroupLag] | None = Field(description="null where Kafka does not say.")
    newest_prediction_age_s: float | None
    stream_clients: int


class Readiness(BaseModel):
    """Whether requests can be answered."""

    status: str
    reasons: list[str]


@router.get("/livez", response_model=Readiness)
async def livez() -> Response:
    """Say that the process runs."""
    return _answer([], {})


@router.get("/readyz", response_model=Readiness, responses={503: {"model": Readiness}})
def readyz(parts: TheParts) -> Response:
    """Say whether requests can be answered: the database answers and Kafka is followed."""
    return _answer([check(parts) for check in READINESS], {})


@router.get("/healthcheck", response_model=Health, responses={503: {"model": Health}})
@router.get("/v1/healthcheck", response_model=Health, responses={503: {"model": Health}})
def healthcheck(parts: TheParts) -> Response:
    """Say how every part does: 503 with the reasons when one is down."""
    with ThreadPoolExecutor(len(EVERYTHING) + 1) as pool:
        lag = pool.submit(_lag, parts)
        checks = list(pool.map(lambda check: check(parts), EVERYTHING))
    age_s = health.newest_prediction_age_s(parts.feed)
    facts: dict[str, Any] = {
        "parts": {
            c.name: {"ok": c.is_ok, "reason": c.reason, "took_ms": c.took_ms} for c in checks
        },
        "symbols": [health.head_facts(parts.feed, symbol) for symbol in parts.settings.symbols],
        "lag": lag.result(),
        "newest_prediction_age_s": None if age_s is None else round(age_s, 3),
        "stream_clients": parts.feed.hub.subscribers,
    }
    return _answer(checks, facts)


def _answer(checks: list[Check], facts: dict[str, Any]) -> Response:
    reasons = [f"{c.name}: {c.reason}" for c in checks if not c.is_ok]
    body = {"status": "down" if reasons else "ok", "reasons": reasons, **facts}
    status = HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK
    headers = {"Cache-Control": "no-store"} | ({"Retry-After": "5"} if reasons else {})
    return Response(json_bytes(body), status, headers, "application/json")


def _facts(check: Check) -> dict[str, Any]:
    return {"ok": check.is_ok, "reason": check.reason, "took_ms": check.took_ms}


def _lag(parts: Parts) -> list[Lag] | None:
    try:
        return read_lags(parts.feed.servers)
    except Transient:
        return None
