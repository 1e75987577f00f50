"""Distributes events to subscribers; one whose bounded queue overflows is dropped.

All of this runs in the event loop's thread.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from api.live.events import Event, sse
from api.live.kinds import Kind
from api.live.position import Place, Position, position_text

KEPT_EVENTS = 5_000  # of some minutes; who was away for longer gets them from Kafka


@dataclass(frozen=True, slots=True)
class Wish:
    """Kinds and symbols that a subscriber wants; no symbols means all."""

    kinds: frozenset[Kind]
    symbols: frozenset[str]

    def takes(self, event: Event) -> bool:
        """Return whether an event is wanted."""
        return event.kind in self.kinds and (not self.symbols or event.symbol in self.symbols)


@dataclass(slots=True, eq=False)
class Subscriber:
    """One client.

    Attributes:
        client: Name under which its places are counted.
        most: Number of waiting events above which a further batch drops the client.
        overrun: Whether that has happened: its queue is lost, and it must connect again.
    """

    wish: Wish
    client: str
    most: int
    overrun: bool = False
    _waiting: list[bytes] = field(default_factory=list)
    _count: int = 0
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def offer(self, frames: bytes, count: int) -> None:
        """Queue ``count`` frames in one piece, or drop the client."""
        if self.overrun:
            return
        if self._count > self.most:
            self.overrun = True
            self._waiting.clear()
        else:
            self._count += count
            self._waiting.append(frames)
        self._arrived.set()

    async def take(self, patience_s: float) -> list[bytes]:
        """Wait for frames; return none after ``patience_s`` seconds or once it is overrun."""
        try:
            async with asyncio.timeout(patience_s):
                await self._arrived.wait()
        except TimeoutError:
            if not self._waiting:
                return []
        self._arrived.clear()
        frames, self._waiting, self._count = self._waiting, [], 0
        return frames


class Hub:
    """The subscribers, the newest events, and the position after them."""

    def __init__(self, kept: int = KEPT_EVENTS) -> None:
        self.position: Position = {}
        self._floor: Position = {}
        self._kept: deque[Event] = deque()
        self._most_kept = kept
        self._subscribers: set[Subscriber] = set()
        self._of_client: Counter[str] = Counter()

    @property
    def subscribers(self) -> int:
        """Number of subscribers."""
        return len(self._subscribers)

    def subscribers_of(self, client: str) -> int:
        """Return the number of subscribers of one client."""
        return self._of_client[client]

    def begin(self, position: Position) -> None:
        """Set the position of the first events."""
        self.position = dict(position)
        self._floor = dict(position)
        self._kept.clear()

    def add(self, subscriber: Subscriber) -> Position:
        """Add a subscriber, which receives the events after the returned position."""
        self._subscribers.add(subscriber)
        self._of_client[subscriber.client] += 1
        return dict(self.position)

    def remove(self, subscriber: Subscriber) -> None:
        """Remove a subscriber."""
        if subscriber in self._subscribers:
            self._subscribers.remove(subscriber)
            self._of_client[subscriber.client] -= 1
            self._of_client += Counter()  # drops clients with a count of zero

    def publish(self, events: Iterable[Event], skipped: Iterable[tuple[Place, int]] = ()) -> None:
        """Queue a batch of events for the subscribers that want them.

        Args:
            events: The events, in the order of each partition.
            skipped: Places and offsets of the batch's records that are no events.
        """
        kept = [(event, self._keep(event)) for event in events]
        # Last, or the id of an event would pass over those of the batch that come after it.
        for place, offset in skipped:
            self.position[place] = max(offset + 1, self.position.get(place, 0))
        pieces: dict[Wish, tuple[bytes, int]] = {}
        for subscriber in self._subscribers:
            wish = subscriber.wish
            if wish not in pieces:
                wanted = [
                    sse(event, position_text(after, wish.kinds))
                    for event, after in kept
                    if wish.takes(event)
                ]
                pieces[wish] = b"".join(wanted), len(wanted)
            if pieces[wish][1]:
                subscriber.offer(*pieces[wish])

    def since(self, position: Position) -> list[Event] | None:
        """Return the events after a position, or None if some are no longer in memory."""
        known = {place: position.get(place, end) for place, end in self.position.items()}
        if any(at < self._floor[place] for place, at in known.items()):
            return None
        return [event for event in self._kept if event.offset >= known[event.place]]

    def text(self, kinds: frozenset[Kind]) -> str:
        """Return the position as an event's id."""
        return position_text(self.position, kinds)

    def _keep(self, event: Event) -> Position:
        """Store an event for clients that reconnect, and return the position after it."""
        self.position[event.place] = event.offset + 1
        self._kept.append(event)
        if len(self._kept) > self._most_kept:
            oldest = self._kept.popleft()
            self._floor[oldest.place] = oldest.offset + 1
        return dict(self.position)
