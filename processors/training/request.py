"""Training requests: which are valid, and the version each leads to. Pure."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict

import orjson

from processors.features.detail import DETAIL_HASH
from processors.features.sequence import RECENT_HASH
from processors.models.artefact import FORMAT
from schemas.predictions import ModelEvent, ModelVersion, TrainingRequest
from schemas.timeframe import DAY_MS

MODELS = ("batch", "forest", "lstm")
CHOICE = f"{', '.join(MODELS[:-1])} or {MODELS[-1]}"
_READ_RECENT = ("lstm",)
USUAL_DAYS = 90
FEWEST_DAYS = 7.5  # a training needs questions over 7 days: the first hours and the last have none
MOST_DAYS = 400  # more does not fit into the memory of a small machine


def version_of(request: TrainingRequest, minutes: Mapping[str, int] | None = None) -> str:
    """Return the version that a request leads to; equal requests lead to the same version.

    The requester and the time do not matter. Code with other features trains another version.

    Args:
        request: The request.
        minutes: Stored minutes of the range by symbol, of a request that was answered before from
            other data; None if it was not.
    """
    wish = (request.model, request.symbol, request.from_ms, request.until_ms)
    features = RECENT_HASH if request.model in _READ_RECENT else DETAIL_HASH
    data = () if minutes is None else (sorted(minutes.items()),)
    return hashlib.sha256(repr((*wish, features, FORMAT, *data)).encode()).hexdigest()[:12]


def fault_of(request: TrainingRequest) -> str | None:
    """Return why a request is invalid, and what to ask instead; None if it is valid."""
    if request.model not in MODELS:
        return f"there is no model {request.model!r} to train: choose {CHOICE}"
    if request.from_ms < 0:
        return "the range begins before 1970: ask for one that begins later"
    if request.from_ms >= request.until_ms:
        return "the range ends before it begins: ask for one that begins first"
    days = (request.until_ms - request.from_ms) / DAY_MS
    if not FEWEST_DAYS <= days <= MOST_DAYS:
        return f"a range of {days:.1f} days: ask for {FEWEST_DAYS} to {MOST_DAYS} days"
    return None


def details_of(request: TrainingRequest, details: Mapping[str, object]) -> str:
    """Return the details of the event that answers a request: these, and the request itself.

    Neither version nor range would name it: versions depend on the code, and a model's range begins
    with its first candle.
    """
    return orjson.dumps({**details, "request": asdict(request)}).decode()


def failure(request: TrainingRequest, reason: str, now_ms: int) -> ModelVersion:
    """Return the event of a training that ended without a model."""
    return ModelVersion(
        model=request.model,
        version=version_of(request),
        symbol=request.symbol,
        event=ModelEvent.FAILED.value,
        event_ms=max(now_ms, request.requested_ms),
        reason=reason,
        details=details_of(request, {}),
    )


def requested(now_ms: int, requested_by: str) -> TrainingRequest:
    """Return the default request: 90 days up to the last midnight UTC, for all symbols.

    All default requests of one day lead to the same version.
    """
    until_ms = now_ms - now_ms % DAY_MS
    return TrainingRequest(
        symbol="",
        model=MODELS[0],
        from_ms=until_ms - USUAL_DAYS * DAY_MS,
        until_ms=until_ms,
        requested_by=requested_by,
        requested_ms=now_ms,
    )
