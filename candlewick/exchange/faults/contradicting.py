"""Trades whose ids contradict those of others, as the exchange has sent them."""

from dataclasses import replace

import orjson

from candlewick.exchange.streams.feed import Frame


def with_the_trade_before(frame: Frame) -> Frame:
    """Return a frame whose aggregate holds the trade before its own too; as it was if no trade."""
    body = orjson.loads(frame.body)
    if "f" not in body or not body["f"]:
        return frame
    body["f"] -= 1
    return replace(frame, body=orjson.dumps(body).decode())


def of_the_same_id(frame: Frame) -> list[Frame]:
    """Return a frame with the same aggregate id and another trade; none if it is no trade."""
    body = orjson.loads(frame.body)
    if "f" not in body:
        return []
    body["f"] = body["l"] = body["l"] + 1
    return [replace(frame, body=orjson.dumps(body).decode())]
