"""The exchange's side as a process: ``python -m bench.end_to_end.exchange FOLDER START_MS``.

It sends the prepared frames of a folder to its one websocket client: trades alone under ``/ws``,
the combined streams under ``/stream``. It answers REST. It says where it listens, and when a client
is there. A line ``FRAME SPEED`` on standard input sends all up to that frame: at their event times
divided by SPEED, or as fast as the client reads if SPEED is 0. Then it says so, and leaves in
``sent.npy`` when it sent which.
"""

import queue
import socket
import sys
import time
from pathlib import Path

import numpy as np

from bench.end_to_end.market import SYMBOLS
from bench.end_to_end.rest import Handler, Rest, Server

PIECE = 1 << 16
PAUSE_S = 0.0002


class Frames:
    """The frames of one kind and how far they are sent."""

    def __init__(self, folder: Path, kind: str) -> None:
        self._bytes = memoryview((folder / f"{kind}.bin").read_bytes())
        self._ends = np.load(folder / f"{kind}.ends.npy")
        self._due_ms = np.load(folder / f"{kind}.due.npy")
        self.sent = 0
        self.log: list[tuple[int, float]] = []

    def flood(self, to: socket.socket, end: int) -> None:
        while self.sent < end:
            begin = self._ends[self.sent - 1] if self.sent else 0
            self._send(to, max(self.sent + 1, int(np.searchsorted(self._ends, begin + PIECE))), end)

    def pace(self, to: socket.socket, end: int, speed: float) -> None:
        began, first_ms = time.time(), self._due_ms[self.sent]
        while self.sent < end:
            passed_ms = (time.time() - began) * 1000 * speed
            due = int(np.searchsorted(self._due_ms, first_ms + passed_ms, side="right"))
            if due > self.sent:
                self._send(to, due, end)
            else:
                time.sleep(PAUSE_S)

    def _send(self, to: socket.socket, until: int, end: int) -> None:
        until = min(until, end)
        begin = self._ends[self.sent - 1] if self.sent else 0
        self.log.append((until, time.time()))
        to.sendall(self._bytes[begin : self._ends[until - 1]])
        self.sent = until


def main() -> None:
    folder, start_ms = Path(sys.argv[1]), int(sys.argv[2])
    clients: queue.Queue[tuple[str, Handler]] = queue.Queue()

    def welcome(path: str, handler: Handler) -> None:
        handler.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        clients.put((path, handler))
        say("CLIENT", path)

    server = Server(Rest(SYMBOLS, start_ms - 1, lambda: start_ms), welcome)
    say("LISTENING", server.server_port)
    path, handler = clients.get()
    frames = Frames(folder, "combined" if path.startswith("/stream") else "raw")
    for line in sys.stdin:
        end, speed = line.split()
        if float(speed):
            frames.pace(handler.connection, int(end), float(speed))
        else:
            frames.flood(handler.connection, int(end))
        np.save(folder / "sent.npy", np.array(frames.log))
        say("SENT", frames.sent)


def say(*words: object) -> None:
    print(*words, flush=True)


if __name__ == "__main__":
    main()
