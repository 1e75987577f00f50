"""The application: its parts, its routes, and what holds for every request."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

from anyio import to_thread
from fastapi import FastAPI
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from api.failures import answer_errors
from api.limits import BodyLimit
from api.live.feed import Feed
from api.parts import Parts
from api.reader import Reader
from api.routes import candles, health, registry
from api.symbols import Symbols
from schemas.settings import Settings

THREADS = 24
STATIC = Path(__file__).parent / "static"


def build_app(settings: Settings) -> FastAPI:
    """Return the application; it connects when it is served."""
    reader = Reader(settings.clickhouse, connections=THREADS)
    symbols = Symbols(reader, settings.symbols)
    parts = Parts(settings, reader, Feed(settings), symbols)
    app = FastAPI(
        title="Candlewick",
        version=version("candlewick"),
        description="Exact candles of Binance's trades, and calibrated predictions. All times UTC.",
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.state.parts = parts
    answer_errors(app)
    app.add_middleware(BodyLimit, most=settings.api.body_bytes)
    for module in (health, candles, registry):
        app.include_router(module.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_api_route("/", _page, include_in_schema=False)
    return app


async def _page() -> Response:
    index = STATIC / "index.html"
    return FileResponse(index) if index.exists() else RedirectResponse("/openapi.json")


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    parts: Parts = app.state.parts
    to_thread.current_default_thread_limiter().total_tokens = THREADS
    parts.feed.start()
    try:
        yield
    finally:
        parts.feed.stop()
        parts.reader.close()
