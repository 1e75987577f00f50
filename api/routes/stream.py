"""Routes of the live stream: server-sent events, and the same over a websocket."""

import asyncio
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, WebSocket
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocketDisconnect

from api.access import SUBPROTOCOL, Permission, Reading, offered
from api.dependencies import TheParts
from api.http import problems
from api.http.client_address import client_of
from api.http.errors import POLICY_VIOLATION, TRY_LATER
from api.http.openapi import errors
from api.http.parameters import MOST_SYMBOLS, CommaSeparated, SymbolName
from api.http.problems import FieldError, Members, Problem
from api.live.connection import frames_of, until_either
from api.live.events import as_messages
from api.live.feed import Feed
from api.live.hub import Wish
from api.live.kinds import Kind
from api.live.position import LONGEST, Position, parse_position
from api.live.sse_response import EventStream

router = APIRouter(tags=["live"])
ASK_AGAIN_S = 60.0  # after this a token that has ended also ends an open stream
_EXAMPLE = """retry: 2000
id: c0:120,p0:88
event: hello
data: {"heartbeat_s":15.0,"stale_s":30.0}

id: c0:121,p0:88
event: candle
data: {"symbol":"BTCUSDT","interval":"1m","open_ms":1700000100000,"close":"35481.08","...":"..."}

"""
ANSWERS = {
    200: {
        "description": "Endless events. Besides records: `hello` first; `lost` if missed events "
        "are no longer in Kafka; `dropped` last, if a client was too slow or its token has ended.",
        "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}},
    },
    **errors(problems.INVALID, problems.SIGN_IN, problems.TOO_MANY_CLIENTS, problems.UNAVAILABLE),
}
Kinds = Annotated[
    list[Kind], CommaSeparated, Query(description="Only these, comma separated; default: all.")
]
Names = Annotated[
    list[SymbolName],
    CommaSeparated,
    Query(max_length=MOST_SYMBOLS, description="Only these, comma separated; default: all."),
]
Resumed = Annotated[
    str | None, Query(max_length=LONGEST, description="Same as `Last-Event-ID`, in the URL.")
]


def wish_of(
    kinds: Kinds = [],  # noqa: B006 - FastAPI copies it
    symbols: Names = [],  # noqa: B006 - FastAPI copies it
) -> Wish:
    """Return a client's choice of kinds and symbols; empty lists mean all."""
    return Wish(frozenset(kinds or Kind), frozenset(symbols))


TheWish = Annotated[Wish, Depends(wish_of)]


@router.get("/v1/stream", dependencies=Reading, responses=ANSWERS, response_class=Response)
async def stream(
    request: Request,
    parts: TheParts,
    wish: TheWish,
    last_event_id: Annotated[str | None, Header(max_length=LONGEST)] = None,
    since: Resumed = None,
) -> Response:
    """Follow candles, predictions, scores and gaps as they happen; `Last-Event-ID` resumes."""
    have = _position(last_event_id or since)
    permission = Permission(request, ASK_AGAIN_S)
    frames = frames_of(parts.feed, client_of(request), wish, have, permission.lasts)
    return EventStream(frames, patience_s=2 * parts.settings.api.heartbeat_s)


@router.websocket("/v1/stream/ws", dependencies=Reading)
async def websocket(
    socket: WebSocket, parts: TheParts, wish: TheWish, since: Resumed = None
) -> None:
    """Follow the same as JSON messages `{"id", "event", "data"}`; `since` resumes.

    Send a token in `Authorization`, or, from a browser, offer the subprotocol `bearer.<token>`
    besides `candlewick.v1`.
    """
    have = _position(since)
    parts.feed.check_room(client_of(socket))
    await socket.accept(SUBPROTOCOL if SUBPROTOCOL in offered(socket) else None)
    await until_either(_send(socket, parts.feed, wish, have), _listen(socket))


def _position(text: str | None) -> Position | None:
    if not text:
        return None
    try:
        return parse_position(text)
    except ValueError as error:
        fault = FieldError("header.last-event-id", str(error))
        raise Problem(problems.INVALID, str(error), members=Members(errors=(fault,))) from error


async def _send(socket: WebSocket, feed: Feed, wish: Wish, have: Position | None) -> None:
    permission = Permission(socket, ASK_AGAIN_S)
    sent = frames_of(feed, client_of(socket), wish, have, permission.lasts)
    async with aclosing(sent) as stretches:
        async for frames in stretches:
            for message in as_messages(b"".join(frames)):
                async with asyncio.timeout(2 * feed.limits.heartbeat_s):
                    await socket.send_text(message)
    if await permission.lasts():
        await socket.close(TRY_LATER, "connect again with the last id")
    else:
        await socket.close(POLICY_VIOLATION, "sign in again")


async def _listen(socket: WebSocket) -> None:
    """Ignore what the client sends, until it leaves."""
    try:
        while True:
            await socket.receive_text()
    except (WebSocketDisconnect, KeyError):
        return
