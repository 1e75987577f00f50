"""Answers to SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS, SET_PROPERTY and GET_PROPERTY.

Source: binance-spot-api-docs, web-socket-streams.md, "Live Subscribing/Unsubscribing to streams".
"""

from typing import Final

import orjson

from candlewick.exchange.server.subscriptions import Subscriptions, UnservedStream

_METHODS: Final = (
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "LIST_SUBSCRIPTIONS",
    "SET_PROPERTY",
    "GET_PROPERTY",
)
_LONGEST_ID: Final = 36


class _Refused(Exception):  # noqa: N818 - carries an answer, no fault of ours
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def answer(data: bytes, subscriptions: Subscriptions) -> str:
    """Execute one control message and return the answer.

    Raises:
        TooManyStreams: The connection would have more than 1,024 streams.
    """
    request_id: object = None
    try:
        request = _read(data)
        request_id = _id_of(request)
        reply: dict[str, object] = {"result": _obey(request, subscriptions)}
    except _Refused as refusal:
        reply = {"error": {"code": refusal.code, "msg": str(refusal)}}
    return orjson.dumps(reply | {"id": request_id}).decode()


def _read(data: bytes) -> dict[str, object]:
    try:
        request = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise _Refused(3, f"Invalid JSON: expected value at {place}") from error
    if not isinstance(request, dict):
        raise _Refused(2, "Invalid request: expected an object")
    return request


def _id_of(request: dict[str, object]) -> object:
    held = request.get("id")
    whole = isinstance(held, int) and not isinstance(held, bool)
    short = isinstance(held, str) and len(held) <= _LONGEST_ID
    if held is None or whole or short:
        return held
    raise _Refused(2, "Invalid request: request ID must be an unsigned integer")


def _obey(request: dict[str, object], subscriptions: Subscriptions) -> object:
    method = request.get("method")
    if method is None:
        raise _Refused(2, "Invalid request: missing field `method`")
    if method not in _METHODS:
        expected = ", ".join(f"`{name}`" for name in _METHODS)
        raise _Refused(
            2, f"Invalid request: unknown variant `{method}`, expected one of {expected}"
        )
    if method == "LIST_SUBSCRIPTIONS":
        return list(subscriptions.topics)
    if method in {"SUBSCRIBE", "UNSUBSCRIBE"}:
        names = _names(request)
        try:
            (subscriptions.add if method == "SUBSCRIBE" else subscriptions.remove)(names)
        except UnservedStream as error:
            raise _Refused(2, f"Invalid request: {error}") from error
        return None
    return _property(request, subscriptions, assign=method == "SET_PROPERTY")


def _names(request: dict[str, object]) -> list[str]:
    names = request.get("params")
    if not isinstance(names, list):
        raise _Refused(2, "Invalid request: missing field `params`")
    strings = [name for name in names if isinstance(name, str)]
    if len(strings) < len(names):
        raise _Refused(2, "Invalid request: stream names must be strings")
    return strings


def _property(request: dict[str, object], subscriptions: Subscriptions, *, assign: bool) -> object:
    params = request.get("params")
    if not isinstance(params, list) or not params or not isinstance(params[0], str):
        raise _Refused(2, "Invalid request: property name must be a string")
    if len(params) > 1 + assign:
        raise _Refused(2, "Invalid request: too many parameters")
    if params[0] != "combined":
        raise _Refused(0, "Unknown property")
    if not assign:
        return subscriptions.combined
    if len(params) <= 1 or not isinstance(params[1], bool):
        raise _Refused(1, "Invalid value type: expected Boolean")
    subscriptions.combined = params[1]
    return None
