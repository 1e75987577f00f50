"""Opening of a websocket by the library that the settings name."""

from typing import Protocol

from producers.binance.sockets.inbox import Inbox
from producers.binance.sockets.with_websockets import open_websockets
from schemas.errors import ConfigurationError, how_to_add
from schemas.setting_types import WebsocketClient


class Socket(Protocol):
    """An open websocket, whichever library runs it.

    It answers pings and closes, and sends nothing else by itself: the exchange counts every control
    frame.
    """

    inbox: Inbox

    def pause(self) -> None:
        """Read no more until `resume`; what arrives waits in the system."""

    def resume(self) -> None:
        """Read again."""

    async def close(self) -> None:
        """Close the connection, with or without an answer of the other end."""

    async def ended(self) -> None:
        """Wait until the connection is closed, whoever closes it."""


async def open_socket(url: str, client: WebsocketClient) -> Socket:
    """Open a websocket.

    Args:
        url: ``ws://`` or ``wss://``.
        client: The library.

    Raises:
        Transient: The other end cannot be reached or refuses now.
        ConfigurationError: The address is not a websocket URL, the proxy cannot be used, or the
            library is not installed.
    """
    if client == "websockets":
        return await open_websockets(url)
    try:
        from producers.binance.sockets.with_picows import open_picows  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ConfigurationError(
            f"{error}: {how_to_add('picows')}, or correct CANDLEWICK_STREAM__WEBSOCKET_CLIENT"
        ) from error
    return await open_picows(url)
