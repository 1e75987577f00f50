"""One client of the live stream, over server-sent events or a websocket."""

import asyncio
from collections.abc import Coroutine
from contextlib import aclosing

from api.live.events import Frames, heartbeat, notice
from api.live.feed import Feed
from api.live.hub import Wish
from api.live.position import Position, position_text
from schemas.errors import Transient

Talk = Coroutine[object, object, None]
RECONNECT_MS = 2000


async def frames_of(feed: Feed, wish: Wish, have: Position | None) -> Frames:
    """Yield frames for a client until it is dropped.

    Args:
        feed: Source of the events.
        wish: Kinds and symbols that the client wants.
        have: Position that the client has reached; None to start now.

    Raises as `Feed.check_room`, before the first frame.
    """
    subscriber, upto = feed.subscribe(wish)
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
        yield [b"event: dropped\ndata: " + _TOO_SLOW + b"\n\n"]
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


async def _past(feed: Feed, wish: Wish, have: Position, upto: Position) -> Frames:
    try:
        async with aclosing(feed.past(wish, have, upto)) as past:
            async for frames in past:
                yield frames
    except Transient:
        yield [b"event: dropped\ndata: " + _NO_PAST + b"\n\n"]
        raise


_TOO_SLOW = b'{"reason":"too slow: events were not read in time; connect again with the last id"}'
_NO_PAST = b'{"reason":"the past events could not be read now; connect again with the last id"}'
