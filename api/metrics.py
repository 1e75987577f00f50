"""Metrics for Prometheus: requests by route, the live stream, and health. No prices.

Source: Prometheus documentation, "Metric and label naming".
"""

import time
from collections.abc import Iterator
from typing import Final

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.dependencies import Dependencies

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_STREAM = "/v1/stream"
# Each figure of `FeedCollector`: its text, and its labels.
FIGURES: Final = {
    "candlewick_api_stream_clients": ("Clients of the stream.",),
    "candlewick_api_listening": ("1 while the API reads Kafka without falling behind.",),
    "candlewick_api_unreadable_records": ("Records that were skipped as unreadable.",),
    "candlewick_api_ahead_records": ("Records refused because they are dated in the future.",),
    "candlewick_api_standing_partitions": (
        "Partitions stopped at a record written by a newer version.",
    ),
    "candlewick_symbol_age_seconds": ("Since the last record of a symbol.", "symbol"),
    "candlewick_healthy": ("1 while a part is healthy or starting.", "part"),
    "candlewick_health_age_seconds": ("Since the last check of the health.",),
    "candlewick_stored_age_seconds": ("Since the last row was stored.", "table", "symbol"),
    "candlewick_lag_records": ("Records that wait for a consumer group.", "group", "topic"),
    "candlewick_lag_seconds": ("Age of the oldest of them.", "group", "topic"),
    "candlewick_group_members": ("Processes that read in a group.", "group"),
    "candlewick_prediction_age_seconds": ("Since the newest prediction.",),
    "candlewick_clock_offset_seconds": (
        "The exchange's clock minus ours and minus the network delay.",
    ),
    "candlewick_model_point_skill": (
        "1 - squared error / the reference's, over 7 days.", "symbol", "model",
    ),
    "candlewick_model_interval_skill": (
        "1 - pinball loss / the reference's, over 7 days.", "symbol", "model",
    ),
    "candlewick_model_chance_skill": (
        "1 - Brier score / the reference's, over 7 days.", "symbol", "model",
    ),
    "candlewick_model_coverage_50_ratio": (
        "Share of closes inside the 50 % interval, over 7 days.", "symbol", "model",
    ),
    "candlewick_model_coverage_90_ratio": (
        "Share of closes inside the 90 % interval, over 7 days.", "symbol", "model",
    ),
    "candlewick_model_reliability": (
        "Mean squared distance between chance and outcome, by tenths, over 7 days; 0 is best.",
        "symbol", "model",
    ),
}  # fmt: skip
# Columns of `api.queries.skill.SKILL_SQL`.
SKILL: Final = {
    "candlewick_model_point_skill": "point_skill",
    "candlewick_model_interval_skill": "pinball_skill",
    "candlewick_model_chance_skill": "brier_skill",
    "candlewick_model_coverage_50_ratio": "coverage_50",
    "candlewick_model_coverage_90_ratio": "coverage_90",
    "candlewick_model_reliability": "reliability",
}


class Meter:
    """Counts and times the requests of one application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(REGISTRY)  # what every process has
        self._requests = Counter(
            "candlewick_api_requests",
            "Requests answered.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "candlewick_api_request_seconds",
            "Time to answer.",
            ["route"],
            buckets=BUCKETS,
            registry=self.registry,
        )

    def count(self, scope: Scope, status: int, began_s: float) -> None:
        """Count a request; all paths without a route are counted as ``other``."""
        route = getattr(scope.get("route"), "path", "other")
        self._requests.labels(scope["method"], route, str(status)).inc()
        if route != _STREAM:
            self._seconds.labels(route).observe(time.perf_counter() - began_s)


class Metering:
    """Middleware that counts every request."""

    def __init__(self, app: ASGIApp, *, meter: Meter) -> None:
        self._app, self._meter = app, meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and count it when it ends."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s, status = time.perf_counter(), 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            self._meter.count(scope, status, began_s)


class FeedCollector(Collector):
    """Figures of the live stream and of health, taken from memory at each scrape."""

    def __init__(self, parts: Dependencies) -> None:
        self._parts = parts

    def describe(self) -> Iterator[Metric]:
        """Yield all figures without their values."""
        yield from map(_family, FIGURES)

    def collect(self) -> Iterator[Metric]:
        """Yield the figures."""
        yield from self._stream()
        yield from self._health()
        yield from self._skill()

    def _skill(self) -> Iterator[Metric]:
        known = self._parts.evidence.known()
        for name, column in SKILL.items():
            metric = _family(name)
            for labels, row in known.items():
                if isinstance(value := row.get(column), int | float):
                    metric.add_metric(labels, value)
            yield metric

    def _stream(self) -> Iterator[Metric]:
        feed = self._parts.feed
        listening = float(all(check.is_ok for check in self._parts.report.listening()))
        yield _gauge("candlewick_api_stream_clients", feed.hub.subscribers)
        yield _gauge("candlewick_api_listening", listening)
        yield _gauge("candlewick_api_unreadable_records", feed.unreadable)
        yield _gauge("candlewick_api_ahead_records", feed.market.ahead)
        yield _gauge("candlewick_api_standing_partitions", len(feed.tail.standing))
        ages = _family("candlewick_symbol_age_seconds")
        for symbol, age_s in self._parts.report.symbol_ages_s().items():
            ages.add_metric([symbol], age_s)
        yield ages

    def _health(self) -> Iterator[Metric]:
        report, last = self._parts.report, self._parts.watch.last
        healthy = _family("candlewick_healthy")
        for check in report.checks():
            healthy.add_metric([check.name], float(check.is_ok))
        yield healthy
        checked_s = time.monotonic() - last.at_s
        yield _gauge("candlewick_health_age_seconds", checked_s)
        stored = _family("candlewick_stored_age_seconds")
        for row in last.stored or ():
            if row.age_s is not None:
                stored.add_metric([row.table, row.symbol], row.age_s + checked_s)
        yield stored
        records, seconds = _family("candlewick_lag_records"), _family("candlewick_lag_seconds")
        for lag in last.lags or ():
            records.add_metric([lag.group, lag.topic], lag.records)
            seconds.add_metric([lag.group, lag.topic], lag.seconds)
        yield from (records, seconds)
        members = _family("candlewick_group_members")
        for group, count in last.members.items():
            members.add_metric([group], count)
        yield members
        if (age_s := report.prediction_age_s()) is not None:
            yield _gauge("candlewick_prediction_age_seconds", age_s)
        if (offset_ms := self._parts.feed.market.exchange.offset_ms) is not None:
            yield _gauge("candlewick_clock_offset_seconds", offset_ms / 1000)


def _family(name: str) -> GaugeMetricFamily:
    text, *labels = FIGURES[name]
    return GaugeMetricFamily(name, text, labels=labels)


def _gauge(name: str, value: float) -> Metric:
    family = _family(name)
    family.add_metric([], value)
    return family
