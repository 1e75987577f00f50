"""A relay between a client and a server of loopback, whose connections a test can cut."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

READ_BYTES = 65_536


@dataclass(slots=True)
class Relay:
    """A running relay.

    Attributes:
        taken: How many connections it has taken.
        passed: How many bytes the server has sent.
        stands: Is told how many bytes the server has sent, and says whether nothing more may pass.
        held: Set once something was.
    """

    listener: socket.socket
    target: tuple[str, int]
    stands: Callable[[int], bool] = lambda _: False
    taken: int = 0
    passed: int = 0
    held: threading.Event = field(default_factory=threading.Event)
    _open: list[socket.socket] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def cut(self) -> None:
        """Break every connection, in the middle of whatever it carries."""
        while self._open:
            with suppress(OSError):
                self._open.pop().shutdown(socket.SHUT_RDWR)

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                self.taken += 1
                server = socket.create_connection(self.target)
                self._open += [client, server]
                for pump in ((client, server, lambda _: True), (server, client, self._may_pass)):
                    threading.Thread(target=_pump, args=pump, daemon=True).start()

    def _may_pass(self, size: int) -> bool:
        self.passed += size
        if self.stands(self.passed):
            self.held.set()
        return not self.held.is_set()


@contextmanager
def relay_to(url: str, stands: Callable[[int], bool] = lambda _: False) -> Iterator[Relay]:
    """Relay to the server at this URL."""
    parts = urlsplit(url)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        relay = Relay(listener, (parts.hostname or "", parts.port or 0), stands)
        thread = threading.Thread(target=relay.serve, daemon=True)
        thread.start()
        yield relay
        listener.shutdown(socket.SHUT_RDWR)
        relay.cut()
        thread.join(10)


def _pump(one: socket.socket, other: socket.socket, may_pass: Callable[[int], bool]) -> None:
    with suppress(OSError), one:
        while piece := one.recv(READ_BYTES):
            if may_pass(len(piece)):
                other.sendall(piece)
            # else it is dropped: whoever waits for it waits until the connection is cut
    with suppress(OSError):
        other.shutdown(socket.SHUT_RDWR)
