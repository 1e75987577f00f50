"""Events of the live stream, and their form as server-sent events and websocket messages.

Source: WHATWG HTML, "Server-sent events".
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

import orjson

from api.http.records import plain
from api.live.kinds import Kind
from api.live.position import Place
from schemas.codecs import KafkaMessage, record_in
from schemas.market import Candle, Gap
from schemas.predictions import Prediction, Score

Live = Candle | Prediction | Score | Gap
Frames = AsyncGenerator[list[bytes], None]  # lists of whole frames, for a subscriber


@dataclass(frozen=True, slots=True)
class Event:
    """A record of the stream.

    Attributes:
        place: Kind and partition.
        offset: Offset in the partition.
        data: The record as JSON.
    """

    place: Place
    offset: int
    symbol: str
    data: bytes

    @property
    def kind(self) -> Kind:
        """Kind of event."""
        return self.place[0]


def read_record(kind: Kind, message: KafkaMessage) -> Live:
    """Decode the record of a message; raises as `schemas.codecs.read` does."""
    record: Live = record_in(kind.topic.record or Candle, message)
    return record


def event_of(record: Live, place: Place, offset: int) -> Event:
    """Return the event for a record.

    The text is copied, because thousands are kept, and orjson's own keeps the buffer that it was
    written into: 4 kB at least.
    """
    return Event(place, offset, record.symbol, bytes(memoryview(orjson.dumps(plain(record)))))


def sse(event: Event, position: str) -> bytes:
    """Return an event as a server-sent event; its id is the position after it."""
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (
        position.encode(),
        event.kind.value.encode(),
        event.data,
    )


def notice(name: str, position: str, **facts: object) -> bytes:
    """Return an event about the stream itself: ``hello``, ``dropped`` or ``lost``."""
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (
        position.encode(),
        name.encode(),
        orjson.dumps(facts),
    )


def heartbeat(position: str) -> bytes:
    """Return a comment that keeps a connection open and updates the subscriber's last id."""
    return b": heartbeat\nid: %b\n\n" % position.encode()


def as_messages(frames: bytes) -> list[str]:
    """Return server-sent frames as JSON objects, for a websocket."""
    return [_as_message(frame) for frame in frames.split(b"\n\n") if frame]


def _as_message(frame: bytes) -> str:
    lines = dict(line.split(b": ", 1) for line in frame.strip().splitlines() if b": " in line)
    return (
        b'{"id":%b,"event":%b,"data":%b}'
        % (
            orjson.dumps(lines.get(b"id", b"").decode()),
            orjson.dumps(lines.get(b"event", b"heartbeat").decode()),
            lines.get(b"data", b"{}"),
        )
    ).decode()
