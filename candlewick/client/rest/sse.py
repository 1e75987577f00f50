"""Parser of server-sent events: bytes in, frames out. Pure.

Source: WHATWG HTML, "Server-sent events", 9.2.6.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Frame:
    """An event, or what came in its place: a heartbeat has no data.

    Attributes:
        id: The last id so far; empty if none has come.
        name: Name of the event; ``message`` if it has none.
        data: Its lines; None for a heartbeat.
    """

    id: str
    name: str
    data: str | None


class FrameParser:
    r"""Takes bytes as they come, cut anywhere.

    >>> parser = FrameParser()
    >>> parser.take(b"id: 7\nevent: candle\nda")
    []
    >>> parser.take(b"ta: {}\n\n: heartbeat\nid: 8\n\n")
    [Frame(id='7', name='candle', data='{}'), Frame(id='8', name='message', data=None)]
    """

    def __init__(self) -> None:
        self._rest = b""
        self._id = ""
        self._begin()

    def take(self, chunk: bytes) -> list[Frame]:
        """Return the frames that are complete now."""
        text = self._rest + chunk
        # A CR at the end may be half of a line end: it waits for what follows.
        held = b"\r" if text.endswith(b"\r") else b""
        lines = text[: len(text) - len(held)].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *whole, rest = lines.split(b"\n")
        self._rest = rest + held
        found = [self._line(line.decode(errors="replace")) for line in whole]
        return [frame for frame in found if frame is not None]

    def _begin(self) -> None:
        self._name = ""
        self._data: list[str] = []
        self._is_empty = True

    def _line(self, line: str) -> Frame | None:
        if not line:
            return self._end()
        self._is_empty = False
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._name = value
        elif name == "id" and "\0" not in value:
            self._id = value
        return None

    def _end(self) -> Frame | None:
        if self._is_empty:
            return None
        data = "\n".join(self._data) if self._data else None
        frame = Frame(self._id, self._name or "message", data)
        self._begin()
        return frame
