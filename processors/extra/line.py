"""Messages between a predictor and the process of a model: JSON and bytes, with a time limit.

No pickle is read on the predictor's side, whatever the other side sends.
"""

import select
import socket
import time
from collections.abc import Mapping
from struct import Struct

import orjson

Content = dict[str, object]
_HEAD = Struct("<II")  # lengths of the JSON and of the bytes
_MOST_JSON, _MOST_BYTES = 1 << 20, 1 << 28
_AT_ONCE = 1 << 16


class LineCut(Exception):  # noqa: N818 - what has happened
    """The other side has ended or sent something that is no message."""


class Line:
    """One side of the connection."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def send(
        self, content: Mapping[str, object], blob: bytes = b"", *, within_s: float | None = None
    ) -> None:
        """Send a message.

        Raises:
            TimeoutError: The other side does not read.
            LineCut: It has ended.
        """
        text = orjson.dumps(content)
        self._end.settimeout(within_s)
        try:
            self._end.sendall(_HEAD.pack(len(text), len(blob)) + text + blob)
        except TimeoutError:
            raise
        except OSError as error:
            raise LineCut from error

    def receive(self, *, within_s: float | None = None) -> tuple[Content, bytes]:
        """Return the next message; the limit is for all of it.

        Raises:
            TimeoutError: It has not come in time.
            LineCut: The other side has ended, or this is no message.
        """
        until_s = None if within_s is None else time.monotonic() + within_s
        length, size = _HEAD.unpack(self._exactly(_HEAD.size, until_s))
        if length > _MOST_JSON or size > _MOST_BYTES:
            raise LineCut
        text, blob = self._exactly(length, until_s), self._exactly(size, until_s)
        try:
            content = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise LineCut from error
        if not isinstance(content, dict):
            raise LineCut
        return content, blob

    def waits(self, wait_s: float) -> bool:
        """Return whether something has come; wait for it up to ``wait_s``."""
        return bool(select.select([self._end], [], [], wait_s)[0])

    def close(self) -> None:
        """Close this side; the other one then ends."""
        self._end.close()

    def _exactly(self, count: int, until_s: float | None) -> bytes:
        found = bytearray()
        while len(found) < count:
            if until_s is not None:
                left_s = until_s - time.monotonic()
                if left_s <= 0:
                    raise TimeoutError
                self._end.settimeout(left_s)
            try:
                more = self._end.recv(min(count - len(found), _AT_ONCE))
            except TimeoutError:
                raise
            except OSError as error:
                raise LineCut from error
            if not more:
                raise LineCut
            found += more
        return bytes(found)
