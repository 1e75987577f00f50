"""The live feed: the thread that reads Kafka, the present state, and the subscribers."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from api.http import problems
from api.http.problems import Members, Problem
from api.live.arrived import Arrived
from api.live.catchup import CatchingUp, Missed, missing_ranges
from api.live.events import Event, Frames, heartbeat, notice, sse
from api.live.hub import Hub, Subscriber, Wish
from api.live.market import Market
from api.live.position import Position, position_text
from api.live.tail import Tail
from clients.kafka.followed_symbols import FollowedSymbols
from schemas.errors import Transient
from schemas.settings import Settings

LARGEST_PAST = 500_000
RETRY_S = 5


class Feed:
    """All live data that the API has from Kafka."""

    def __init__(self, settings: Settings) -> None:
        self.kafka = settings.kafka
        self.limits = settings.api
        self.followed = FollowedSymbols(settings, name="candlewick-api")
        self.market = Market(self.followed, time.monotonic, _now_ms)
        self.hub = Hub()
        self.tail = Tail(self.kafka, self.hub.begin, self._take)
        self.unreadable = 0
        self._catching_up = CatchingUp(self.kafka, self.limits.heartbeat_s)

    def start(self) -> None:
        """Start to follow Kafka; call it in the event loop."""
        self.followed.watch()
        self.tail.start(asyncio.get_running_loop())

    def stop(self) -> None:
        """Stop the threads."""
        self.followed.stop()
        self.tail.stop()

    def reading(self) -> Position:
        """Return how far Kafka has been read, without stopped partitions."""
        position, standing = dict(self.hub.position), dict(self.tail.standing)
        return {place: at for place, at in position.items() if place not in standing}

    def check_room(self, client: str) -> None:
        """Refuse a client if there is no room.

        Raises:
            Problem: The stream has as many clients as it allows, 503, or as many from one
                address, 429.
            Transient: Kafka is not followed yet.
        """
        wait = Members(retry_after_s=RETRY_S)
        if self.hub.subscribers >= self.limits.stream_clients:
            detail = f"{self.limits.stream_clients} clients are connected"
            raise Problem(problems.TOO_MANY_CLIENTS, detail, members=wait)
        if self.hub.subscribers_of(client) >= self.limits.stream_clients_of_one:
            detail = f"your address has {self.limits.stream_clients_of_one} streams open: close one"
            raise Problem(problems.SLOW_DOWN, detail, members=wait)
        if not self.hub.position:
            raise Transient(self.tail.trouble or "Kafka is not followed yet")

    def subscribe(self, wish: Wish, client: str) -> tuple[Subscriber, Position]:
        """Add a client, which receives the events after the returned position.

        Raises as `check_room`, because other clients may have connected meanwhile.
        """
        self.check_room(client)
        subscriber = Subscriber(wish, client, self.limits.stream_queue)
        return subscriber, self.hub.add(subscriber)

    async def past(self, wish: Wish, have: Position, upto: Position) -> Frames:
        """Yield frames of the events between two positions; ids continue from ``have``.

        Without such events there are heartbeats, also while others read and the client waits.

        Raises:
            Transient: Kafka does not answer.
        """
        at = {place: have.get(place, end) for place, end in upto.items()}
        kept = self.hub.since(at)
        if kept is not None:
            # What came since the client was added is in its queue.
            yield _frames(wish, [e for e in kept if e.offset < upto.get(e.place, 0)], at)
            return
        async with aclosing(self._from_kafka(at, upto)) as batches:
            async for missed in batches:
                frames = _frames(wish, missed.events, at)
                at.update(missed.ends)
                text = position_text(at, wish.kinds)
                if missed.lost:
                    reason = "Kafka has already deleted these records: read them over REST"
                    frames.append(notice("lost", text, records=missed.lost, reason=reason))
                yield frames or [heartbeat(text)]

    async def _from_kafka(self, have: Position, upto: Position) -> AsyncGenerator[Missed, None]:
        ranges = missing_ranges(have, upto)
        if sum(end - at for at, end in ranges.values()) > LARGEST_PAST:
            yield Missed((), dict(upto), sum(end - at for at, end in ranges.values()))
            return
        async with aclosing(self._catching_up.read(ranges)) as batches:
            async for missed in batches:
                yield missed

    def _take(self, arrived: Arrived) -> None:
        for item in arrived.items:
            self.market.take(item.record, received_ms=item.received_ms, is_new=item.is_new)
        self.unreadable += len(arrived.skipped)
        events = (item.event for item in arrived.items)
        self.hub.publish(events, skipped=(*arrived.skipped, *arrived.past))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _frames(wish: Wish, events: tuple[Event, ...] | list[Event], at: Position) -> list[bytes]:
    frames = []
    for event in events:
        at[event.place] = max(at.get(event.place, 0), event.offset + 1)
        if wish.takes(event):
            frames.append(sse(event, position_text(at, wish.kinds)))
    return frames
