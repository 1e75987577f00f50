"""The FastAPI application: its parts, its routes, its middleware."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from api.accounts.authentication import Gate
from api.dependencies import Dependencies
from api.health.report import Report
from api.health.watch import Watch
from api.http import problems
from api.http.body_limits import BodyLimit, NoSniff
from api.http.errors import Unexpected, answer_errors
from api.http.head import HeadAsGet
from api.http.openapi import describe_fully, errors
from api.http.origins import SHARED
from api.http.ranges import KeptAnswers
from api.http.rate_limits import Rates, RequestRate
from api.http.thread_pools import StoreThreads, Turns
from api.live.feed import Feed
from api.live.training_requests import Requests
from api.metrics import FeedCollector, Meter, Metering
from api.queries.candle_pages import Candles
from api.queries.clickhouse import Reader
from api.queries.recent_skill import RecentSkill
from api.queries.symbols import Symbols
from api.routes import (
    candles,
    health,
    market,
    meta,
    models,
    outcomes,
    page,
    predictions,
    quality,
    registry,
    registry_rules,
    scores,
    stream,
    token,
    users,
)
from schemas.settings import Settings

THREADS = 24  # for what needs no store
ASKING_STORE = 24
ASKING_USERS = 8  # threads in which tokens are checked
HASHING = 2  # threads that hash passwords; each takes 64 MB
ROUTES = (
    health,
    market,
    quality,
    candles,
    predictions,
    scores,
    outcomes,
    models,
    stream,
    token,
    users,
    registry,
    registry_rules,
    meta,
    page,
)


def build_app(settings: Settings, gate: Gate) -> FastAPI:
    """Return the application; it opens connections when it starts to serve."""
    parts = _parts(settings, gate)
    app = FastAPI(
        title="Candlewick",
        version=version("candlewick"),
        description="Exact candles of Binance's trades, and calibrated predictions. All times UTC.",
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        responses=errors(problems.SLOW_DOWN),
    )
    app.state.parts = parts
    app.state.meter = meter = Meter()
    meter.registry.register(FeedCollector(parts))
    answer_errors(app)
    app.add_middleware(HeadAsGet)
    app.add_middleware(BodyLimit, most=settings.api.body_bytes)
    app.add_middleware(RequestRate, rates=parts.rates)
    app.add_middleware(Unexpected)
    if settings.api.origins:
        # Around all that refuses, or a page could not read why, nor when to ask again.
        app.add_middleware(CORSMiddleware, allow_origins=settings.api.origins, **SHARED)
    app.add_middleware(NoSniff)
    app.add_middleware(Metering, meter=meter)
    for module in ROUTES:
        app.include_router(module.router)
    describe_fully(app)
    return app


def _parts(settings: Settings, gate: Gate) -> Dependencies:
    limits = settings.api
    connections = ASKING_STORE + limits.heavy_requests + THREADS
    reader = Reader(settings.clickhouse, connections=connections)
    feed = Feed(settings)
    watch = Watch(settings, feed)
    return Dependencies(
        settings=settings,
        reader=reader,
        candles=Candles(reader),
        pages=KeptAnswers(time.monotonic),
        feed=feed,
        watch=watch,
        report=Report(settings, feed, watch),
        symbols=Symbols(reader, feed.followed),
        gate=gate,
        asking_users=CapacityLimiter(ASKING_USERS),
        evidence=RecentSkill(reader),
        requests=Requests(settings.kafka),
        rates=Rates(limits.requests_per_minute, time.monotonic),
        store=StoreThreads(ASKING_STORE, waiting=200, wait_s=10.0),
        heavy=Turns(limits.heavy_requests, waiting=16, of_one=2, retry_after_s=5),
        hashing=Turns(HASHING, waiting=16, of_one=4, retry_after_s=2),
        importing=Turns(1, waiting=1, of_one=1, retry_after_s=10),
    )


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    parts: Dependencies = app.state.parts
    to_thread.current_default_thread_limiter().total_tokens = THREADS
    parts.feed.start()
    parts.watch.start()
    reading = asyncio.create_task(parts.evidence.keep_reading())
    try:
        yield
    finally:
        reading.cancel()
        parts.watch.stop()
        parts.feed.stop()
        parts.reader.close()
