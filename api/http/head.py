"""Middleware: HEAD is answered as GET is, without the body, on every route.

Source: RFC 9110, section 9.3.2.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadAsGet:
    """Passes a HEAD on as a GET. The server itself leaves out the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; a stream ends once its headers are sent."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        begun = False

        async def hear() -> Message:
            return {"type": "http.disconnect"} if begun else await receive()

        async def say(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        await self._app({**scope, "method": "GET"}, hear, say)
