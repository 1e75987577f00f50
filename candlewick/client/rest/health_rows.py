"""Rows of the REST API's health report."""

from datetime import datetime
from decimal import Decimal

from candlewick.client.rest.rows import Row


class PartHealth(Row):
    """State of one part: ok, starting or down."""

    ok: bool
    state: str
    reason: str | None
    took_ms: float | None


class SymbolHealth(Row):
    """Newest state of a symbol's stream."""

    symbol: str
    fresh: bool
    last_price: Decimal | None
    event_ms: int | None
    event_time: datetime | None
    age_s: float | None


class StoredAge(Row):
    """Age of the newest row of a symbol in a table."""

    table: str
    symbol: str
    age_s: float | None


class GroupLag(Row):
    """Lag of a consumer group in a topic."""

    group: str
    topic: str
    records: int
    seconds: float
    standing_s: float
    has_moved: bool


class Health(Row):
    """The full health report; ``status`` is ok, starting or down."""

    status: str
    reasons: list[str]
    parts: dict[str, PartHealth]
    checked_s: float
    symbols: list[SymbolHealth]
    not_traded: dict[str, datetime | None]
    stored: list[StoredAge] | None
    lag: list[GroupLag] | None
    members: dict[str, int]
    newest_prediction_age_s: float | None
    clock_offset_ms: int | None
    stream_clients: int
