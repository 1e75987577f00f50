"""The command ``stream``: follows the trades of all symbols, with what Kafka holds as the past."""

import asyncio

from prometheus_client import REGISTRY

from clients.kafka.followed_symbols import FollowedSymbols
from clients.watching.log import EventLog
from producers.binance.rest import RestClient
from producers.trades.counters import StreamCollector
from producers.trades.follower import Follower
from producers.trades.publisher import Publisher
from producers.trades.resume import read_past
from schemas.settings import Settings

_log = EventLog("producers")


async def follow_trades(settings: Settings) -> None:
    """Publish trades until cancelled."""
    kafka = settings.kafka
    followed = FollowedSymbols(settings, name="candlewick-stream")
    await asyncio.to_thread(followed.refresh)
    followed.watch()
    rest = RestClient(settings.binance.rest_url)
    try:
        follower = Follower(settings, Publisher(kafka), rest, followed)
        past = await asyncio.to_thread(read_past, kafka, follower.names)
        known = sum(one.last_block is not None for one in past.values())
        _log.info(
            "history_found",
            "{known} of {symbols} symbols have history",
            known=known,
            symbols=len(past),
        )
        figures = StreamCollector(follower.figures)
        REGISTRY.register(figures)
        try:
            await follower.run(past)
        finally:
            REGISTRY.unregister(figures)
    finally:
        await rest.close()
