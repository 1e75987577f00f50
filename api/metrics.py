"""What Prometheus may know: requests by route, the live stream, and freshness by symbol.

Source: Prometheus documentation, "Metric and label naming".
"""

import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.live.feed import Feed

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_STREAM = "/v1/stream"


class Meter:
    """Counts requests; one of an application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
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
        """Count a request; paths that are no route are one."""
        route = getattr(scope.get("route"), "path", "other")
        self._requests.labels(scope["method"], route, str(status)).inc()
        if route != _STREAM:
            self._seconds.labels(route).observe(time.perf_counter() - began_s)


class Metering:
    """Lets a meter see every request."""

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
    """The live stream's state at the moment that it is asked for."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    def collect(self) -> Iterator[Metric]:
        """Yield the figures."""
        feed = self._feed
        clients = feed.hub.subscribers
        yield _gauge("candlewick_api_stream_clients", "Clients of the stream.", clients)
        listening = float(feed.tail.trouble is None)
        yield _gauge("candlewick_api_listening", "1 while Kafka is followed.", listening)
        unreadable = feed.unreadable
        yield _gauge("candlewick_api_unreadable_records", "Passed over.", unreadable)
        ahead = feed.market.ahead
        yield _gauge("candlewick_api_ahead_records", "Not believed: of times to come.", ahead)
        standing = len(feed.tail.standing)
        text = "Partitions that stand still, because a newer version wrote a record there."
        yield _gauge("candlewick_api_standing_partitions", text, standing)
        ages = GaugeMetricFamily(
            "candlewick_symbol_age_seconds", "Since something came.", labels=["symbol"]
        )
        for symbol, head in list(feed.market.heads.items()):
            if (age_s := feed.market.age_s(head.arrived_s)) is not None:
                ages.add_metric([symbol], age_s)
        yield ages


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)
