"""One client of the live stream, over server-sent events or a websocket."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import aclosing

import orjson

from api.live.events import Frames, heartbeat, notice
from api.live.feed import Feed
from api.live.hub import Subscriber, Wish
from api.live.position import Position, position_text
from schemas.errors import Transient

Talk = Coroutine[object, object, None]
RECONNECT_MS = 2000


async def frames_of(
    feed: Feed,
    client: str,
    wish: Wish,
    have: Position | None,
    may_go_on: Callable[[], Awaitable[bool]],
) -> Frames:
    """Yield frames for a client until it is dropped.

    Args:
        feed: Source of the events.
        client: Name under which the client's places are counted.
        wish: Kinds and symbols that the client wants.
        have: Position that the client has reached; None to start now.
        may_go_on: Asked before all frames but the first.

    Raises as `Feed.check_room`, before the first frame.
    """
    subscriber, upto = feed.subscribe(wish, client)
    try:
        first = position_text(upto if have is None else {**upto, **have}, wish.kinds)
        yield [
            b"retry: %d\n" % RECONNECT_MS
            + notice(
                "hello",
                first,
                heartbeat_s=feed.limits.heartbeat_s,
                stale_s=feed.limits.stale_s,
            )
        ]
        async with aclosing(_frames(feed, subscriber, have, upto)) as stretches:
            async for frames in stretches:
                if not await may_go_on():
                    yield [_dropped("the token is not valid any more: sign in again")]
                    break
                yield frames
    finally:
        feed.hub.remove(subscriber)


async def until_either(sending: Talk, leaving: Talk) -> None:
    """Run both until either ends, then cancel the other; errors are not raised."""
    tasks = [asyncio.create_task(sending), asyncio.create_task(leaving)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _frames(
    feed: Feed, subscriber: Subscriber, have: Position | None, upto: Position
) -> Frames:
    wish = subscriber.wish
    if have is not None:
        async with aclosing(_past(feed, wish, have, upto)) as past:
            async for frames in past:
                yield frames
                if subscriber.overrun:
                    break
    while not subscriber.overrun:
        frames = await subscriber.take(feed.limits.heartbeat_s)
        if not subscriber.overrun:
            yield frames or [heartbeat(feed.hub.text(wish.kinds))]
    yield [_dropped("too slow: events were not read in time; connect again with the last id")]


async def _past(feed: Feed, wish: Wish, have: Position, upto: Position) -> Frames:
    try:
        async with aclosing(feed.past(wish, have, upto)) as past:
            async for frames in past:
                yield frames
    except Transient:
        yield [_dropped("the past events could not be read now; connect again with the last id")]
        raise


def _dropped(reason: str) -> bytes:
    return b"event: dropped\ndata: %b\n\n" % orjson.dumps({"reason": reason})
