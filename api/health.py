"""Whether each part works, told from outside of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from api.live.feed import Feed
from api.parts import Parts
from api.plain import decimal_text
from api.times import iso
from schemas.errors import CandlewickError

BROKER_PATIENCE_S = 2.0


@dataclass(frozen=True, slots=True)
class Check:
    """How one part does.

    Attributes:
        reason: Why it does not work; None while it does.
        took_ms: How long the answer took; None where nothing was asked.
    """

    name: str
    reason: str | None
    took_ms: float | None = None

    @property
    def is_ok(self) -> bool:
        """Whether it works."""
        return self.reason is None


def check_database(parts: Parts) -> Check:
    """Ask ClickHouse."""
    return _timed("database", lambda: parts.reader.rows("SELECT 1"))


def check_broker(parts: Parts) -> Check:
    """Ask Kafka."""
    admin = AdminClient({"bootstrap.servers": parts.feed.servers, "log_level": 0})
    return _timed("broker", lambda: admin.list_topics(timeout=BROKER_PATIENCE_S))


def check_listening(parts: Parts) -> Check:
    """Tell whether the API follows Kafka."""
    return Check("listening", parts.feed.tail.trouble)


def check_versions(parts: Parts) -> Check:
    """Tell whether a partition stands still, because only a newer version can read on."""
    standing = [
        f"{kind.topic.name} [{number}] stands still: {why}"
        for (kind, number), why in parts.feed.tail.standing.copy().items()
    ]
    return Check("versions", "; ".join(standing) or None)


def check_stream(parts: Parts) -> Check:
    """Tell whether every symbol moves."""
    silent = [s for s in parts.settings.symbols if not _is_fresh(parts.feed, s)]
    return Check("stream", f"nothing new of {', '.join(silent)}" if silent else None)


def check_predictions(parts: Parts) -> Check:
    """Tell whether predictions come."""
    age_s = newest_prediction_age_s(parts.feed)
    stale_s = parts.settings.api.stale_s
    if age_s is None:
        return Check("predictions", "none has come since the API started")
    return Check("predictions", f"none for {age_s:.0f} s" if age_s > stale_s else None)


def newest_prediction_age_s(feed: Feed) -> float | None:
    """Return how long ago the newest prediction came; None where none did."""
    ages = [
        age_s
        for models in feed.market.predictions.values()
        for arrival in models.values()
        if (age_s := feed.market.age_s(arrival.arrived_s)) is not None
    ]
    return min(ages, default=None)


def head_facts(feed: Feed, symbol: str) -> dict[str, object]:
    """Return where a symbol's stream is."""
    head = feed.market.heads.get(symbol)
    if head is None:
        return {"symbol": symbol, "fresh": False, **dict.fromkeys(_HEAD_FACTS)}
    age_s = feed.market.age_s(head.arrived_s)
    return {
        "symbol": symbol,
        "fresh": _is_fresh(feed, symbol),
        "last_price": decimal_text(head.price_e8),
        "event_ms": head.event_ms,
        "event_time": iso(head.event_ms),
        "age_s": None if age_s is None else round(age_s, 3),
    }


_HEAD_FACTS = ("last_price", "event_ms", "event_time", "age_s")


def _is_fresh(feed: Feed, symbol: str) -> bool:
    head = feed.market.heads.get(symbol)
    age_s = feed.market.age_s(head.arrived_s) if head else None
    return age_s is not None and age_s <= feed.limits.stale_s


def _timed(name: str, ask: Callable[[], object]) -> Check:
    began = time.monotonic()
    try:
        ask()
    except (CandlewickError, KafkaException) as error:
        return Check(name, str(error), _since_ms(began))
    return Check(name, None, _since_ms(began))


def _since_ms(began_s: float) -> float:
    return round((time.monotonic() - began_s) * 1000, 1)
