"""Limits of every websocket, whichever library opens it."""

from typing import Final

OPEN_TIMEOUT_S: Final = 10.0
CLOSE_TIMEOUT_S: Final = 1.0
