"""The parts that the routes use, made once per application."""

from dataclasses import dataclass
from typing import Annotated

from anyio import CapacityLimiter
from fastapi import Depends
from starlette.requests import HTTPConnection

from api.accounts.authentication import Gate
from api.health.report import Report
from api.health.watch import Watch
from api.http.ranges import KeptAnswers
from api.http.rate_limits import Rates
from api.http.thread_pools import StoreThreads, Turns
from api.live.feed import Feed
from api.live.training_requests import Requests
from api.queries.candle_pages import Candles, Page
from api.queries.clickhouse import Reader
from api.queries.recent_skill import RecentSkill
from api.queries.symbols import Symbols
from schemas.settings import Settings


@dataclass(frozen=True, slots=True)
class Dependencies:
    """The parts of the application."""

    settings: Settings
    reader: Reader
    candles: Candles
    pages: KeptAnswers[Page]
    feed: Feed
    watch: Watch
    report: Report
    symbols: Symbols
    gate: Gate
    asking_users: CapacityLimiter
    evidence: RecentSkill
    requests: Requests
    rates: Rates
    store: StoreThreads
    heavy: Turns
    hashing: Turns
    importing: Turns


def parts_of(connection: HTTPConnection) -> Dependencies:
    """Return the parts of the application that handles a request."""
    parts: Dependencies = connection.app.state.parts
    return parts


TheParts = Annotated[Dependencies, Depends(parts_of)]
