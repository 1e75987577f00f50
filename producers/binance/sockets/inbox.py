"""Messages that a socket has read together: whole ones, in their order. Pure.

A library reads as much as there is and finds the frames in it. What handles the messages is called
once for all of them, so that its own fixed cost is paid a read, not a message.
"""

from collections.abc import Callable, Sequence

MAX_MESSAGE_BYTES = 1 << 20


class BrokenRules(Exception):  # noqa: N818 - what the other end did
    """Frames against the rules of the protocol (RFC 6455, sections 5.2 and 5.4)."""


class TooBig(BrokenRules):
    """A message of more bytes than are allowed."""


class Inbox:
    """Collects messages until they are handed over.

    Attributes:
        failure: Error of the code that handles messages; no more are handed over.
    """

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self._messages: list[bytes] = []
        self._parts: bytearray | None = None
        self._take: Callable[[Sequence[bytes]], None] | None = None
        self._on_ping: Callable[[], None] | None = None
        self._missed_pings = 0

    def open(self, take: Callable[[Sequence[bytes]], None], on_ping: Callable[[], None]) -> None:
        """Hand over the messages from now on, at first those that have arrived already.

        Args:
            take: Called with the messages of a read.
            on_ping: Called at each ping of the other end.
        """
        self._take, self._on_ping = take, on_ping
        self.deliver()
        for _ in range(self._missed_pings):
            self.ping()

    def add(self, data: bytes, *, begins: bool, ends: bool) -> None:
        """Collect a frame of a message.

        Args:
            data: Its content.
            begins: It is the first of its message.
            ends: It is the last of its message.

        Raises:
            BrokenRules: A fragment without a begin, or a message inside another.
        """
        if begins and ends and self._parts is None:
            self._messages.append(data)
            return
        if begins is (self._parts is not None):
            raise BrokenRules("a fragment is out of order")
        if self._parts is None:
            self._parts = bytearray()
        self._parts += data
        if len(self._parts) > MAX_MESSAGE_BYTES:
            raise TooBig("a message is too big")
        if ends:
            self._messages.append(bytes(self._parts))
            self._parts = None

    def deliver(self) -> None:
        """Hand over what was collected."""
        if not self._messages or self._take is None or self.failure is not None:
            return
        messages, self._messages = self._messages, []
        try:
            self._take(messages)
        except Exception as error:  # noqa: BLE001 - whoever waits for the connection's end gets it
            self.failure = error

    def ping(self) -> None:
        """Tell of a ping, after the messages before it."""
        self.deliver()
        if self._on_ping is None:
            self._missed_pings += 1
        elif self.failure is None:
            try:
                self._on_ping()
            except Exception as error:  # noqa: BLE001 - likewise
                self.failure = error
