"""The application: its parts, its routes, and what holds for every request."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

from anyio import to_thread
from fastapi import FastAPI
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from api.accounts.gate import open_gate
from api.evidence import Evidence
from api.failures import answer_errors
from api.limits import BodyLimit
from api.live.feed import Feed
from api.metrics import FeedCollector, Meter, Metering
from api.parts import Parts
from api.reader import Reader
from api.requests import Requests
from api.routes import (
    candles,
    health,
    market,
    meta,
    models,
    predictions,
    registry,
    stream,
    token,
    users,
)
from api.symbols import Symbols
from schemas.settings import Settings

THREADS = 24
ROUTES = (
    health,
    market,
    candles,
    predictions,
    models,
    stream,
    token,
    users,
    registry,
    meta,
)
STATIC = Path(__file__).parent / "static"


def build_app(settings: Settings) -> FastAPI:
    """Return the application; it connects when it is served."""
    parts = _parts(settings)
    app = FastAPI(
        title="Candlewick",
        version=version("candlewick"),
        description="Exact candles of Binance's trades, and calibrated predictions. All times UTC.",
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.state.parts = parts
    app.state.meter = meter = Meter()
    meter.registry.register(FeedCollector(parts.feed))
    answer_errors(app)
    app.add_middleware(BodyLimit, most=settings.api.body_bytes)
    app.add_middleware(Metering, meter=meter)
    for module in (
        health,
        market,
        candles,
        predictions,
        models,
        stream,
        token,
        users,
        registry,
        meta,
    ):
        app.include_router(module.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_api_route("/", _page, include_in_schema=False)
    return app


async def _page() -> Response:
    index = STATIC / "index.html"
    return FileResponse(index) if index.exists() else RedirectResponse("/openapi.json")


def _parts(settings: Settings) -> Parts:
    reader = Reader(settings.clickhouse, connections=THREADS)
    return Parts(
        settings=settings,
        reader=reader,
        feed=Feed(settings),
        symbols=Symbols(reader, settings.symbols),
        gate=open_gate(settings),
        evidence=Evidence(reader),
        requests=Requests(settings.kafka.bootstrap_servers),
    )


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    parts: Parts = app.state.parts
    to_thread.current_default_thread_limiter().total_tokens = THREADS
    parts.feed.start()
    reading = asyncio.create_task(parts.evidence.keep_reading())
    try:
        yield
    finally:
        reading.cancel()
        parts.feed.stop()
        parts.reader.close()
