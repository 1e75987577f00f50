"""Receivers of notifications on loopback: an HTTP server for webhooks, and one that takes mail."""

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

LOOPBACK = "127.0.0.1"


@dataclass
class Webhook:
    """What was posted; `status` is what the next posts are answered with.

    While `may_answer` is not set an answer comes after `delay_s`; with `cuts` none comes.
    """

    port: int
    status: int = 200
    delay_s: float = 30.0
    cuts: bool = False
    attempts: int = 0
    posts: list[dict[str, Any]] = field(default_factory=list)
    may_answer: threading.Event = field(default_factory=threading.Event)

    @property
    def texts(self) -> list[str]:
        """The text of each message that was taken."""
        return [post["message"] for post in self.posts]

    def url(self, path: str = "hook") -> str:
        """The address, as apprise writes it."""
        return f"json://{LOOPBACK}:{self.port}/{path}"


@contextmanager
def running_webhook() -> Iterator[Webhook]:
    """An HTTP server that takes JSON."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.attempts += 1
            if hook.status == 200:
                hook.posts.append(json.loads(body))
            hook.may_answer.wait(hook.delay_s)
            if hook.cuts:
                return
            self.send_response(hook.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    server.daemon_threads = True
    hook = Webhook(server.server_address[1])
    hook.may_answer.set()
    with _serving(server):
        try:
            yield hook
        finally:
            hook.may_answer.set()


@dataclass
class Mailbox:
    """What was delivered; `refuses` receivers, or `cuts` the connection behind a mail."""

    port: int
    refuses: bool = False
    cuts: bool = False
    mails: list[Message] = field(default_factory=list)
    receivers: list[str] = field(default_factory=list)


@contextmanager
def running_mailbox() -> Iterator[Mailbox]:
    """A mail server: as much of SMTP as a client needs that has nothing to prove (RFC 5321)."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say("220 ready")
            for line in iter(self.rfile.readline, b""):
                word = line[:4].upper()
                if word == b"DATA":
                    self.say("354 go on")
                    box.mails.append(message_from_bytes(self.data(), policy=default))
                    if box.cuts:
                        return
                elif word == b"RCPT":
                    box.receivers.append(line.decode().strip())
                    if box.refuses:
                        self.say("550 no such user")
                        continue
                self.say("221 bye" if word == b"QUIT" else "250 ok")
                if word == b"QUIT":
                    return

        def data(self) -> bytes:
            return b"".join(iter(self.rfile.readline, b".\r\n"))

        def say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    server = socketserver.ThreadingTCPServer((LOOPBACK, 0), Handler)
    server.daemon_threads = True
    box = Mailbox(cast("tuple[str, int]", server.server_address)[1])
    with _serving(server):
        yield box


@contextmanager
def _serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
