"""Frames and answers with times or ids that are ahead of the market."""

from dataclasses import replace

import orjson

from candlewick.exchange.faults.faults import Ahead, RestAhead
from candlewick.exchange.streams.feed import Frame

_FIELDS = {"event": ("E",), "trade": ("T",), "id": ("a",), "candle": ("t", "T")}


def untimely(frame: Frame, fault: Ahead) -> Frame:
    """Return a frame with one field moved ahead; unchanged if it has no such field."""
    body = orjson.loads(frame.body)
    if not isinstance(body, dict):  # the tickers of all symbols
        return frame
    holder = body.get("k", {}) if fault.what == "candle" else body
    for name in _FIELDS[fault.what]:
        if name in holder:
            holder[name] += fault.by * (1 if fault.what == "id" else frame.topic.unit)
    return replace(frame, body=orjson.dumps(body).decode())


def stranger(frame: Frame, *, by_ms: int) -> Frame:
    """Return a frame of an unknown type on the same stream, whose event time is ahead."""
    event = (frame.event_ms + by_ms) * frame.topic.unit
    return replace(frame, body=f'{{"e":"foo","E":{event}}}')


def last_ahead(body: str, fault: RestAhead) -> str:
    """Return an answer of trades with its last trade moved ahead."""
    rows = orjson.loads(body)
    for row in rows[-1:]:
        row["T" if fault.what == "trade" else "a"] += fault.by
    return orjson.dumps(rows).decode()
