"""A websocket server that sends exactly the bytes that a test wants, and keeps what it gets."""

import asyncio
import base64
import hashlib
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
FIN = 0x80


def a_frame(data: bytes, opcode: int = TEXT, *, first_bits: int = FIN, mask: bool = False) -> bytes:
    """A frame as a server sends it: without a mask, unless it breaks the rules."""
    size = len(data)
    masked = 0x80 if mask else 0
    if size < 126:
        head = struct.pack("!BB", first_bits | opcode, masked | size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", first_bits | opcode, masked | 126, size)
    else:
        head = struct.pack("!BBQ", first_bits | opcode, masked | 127, size)
    return head + (b"\0\0\0\0" if mask else b"") + data


def a_close(code: int, reason: bytes = b"") -> bytes:
    return a_frame(struct.pack("!H", code) + reason, CLOSE)


@dataclass(slots=True)
class Peer:
    """The server's end of one connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    heard: list[tuple[int, bytes]] = field(default_factory=list)

    async def send(self, *parts: bytes) -> None:
        """Send the parts together."""
        self.writer.write(b"".join(parts))
        await self.writer.drain()

    async def hear(self) -> tuple[int, bytes]:
        """Wait for the client's next frame: opcode and content."""
        first, second = await self.reader.readexactly(2)
        size = second & 0x7F
        assert second & 0x80, "a client masks its frames"
        assert size < 126
        mask = await self.reader.readexactly(4)
        data = await self.reader.readexactly(size)
        frame = first & 0x0F, bytes(b ^ mask[i % 4] for i, b in enumerate(data))
        self.heard.append(frame)
        return frame

    async def gone(self) -> None:
        """Wait until the client closes, whatever it still sends."""
        while (await self.hear())[0] != CLOSE:
            pass


Play = Callable[[Peer], Awaitable[None]]


@asynccontextmanager
async def a_raw_server(
    play: Play,
    *,
    answer: bytes | None = None,
    with_answer: bytes = b"",
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[str]:
    """Serve until the block ends, and yield the address.

    Args:
        play: What the server does with a connection; it is closed after that.
        answer: What it answers to the handshake, instead of accepting it.
        with_answer: Bytes that it sends together with its answer.
        tls: Its certificate, if it speaks TLS.
    """
    plays: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        plays.add(asyncio.current_task())  # type: ignore[arg-type]
        try:
            request = await reader.readuntil(b"\r\n\r\n")
            writer.write((_accept(request) if answer is None else answer) + with_answer)
            await writer.drain()
            await play(Peer(reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    scheme = "ws" if tls is None else "wss"
    try:
        yield f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}/stream"
    finally:
        server.close()
        for task in plays:
            task.cancel()
        await asyncio.gather(*plays, return_exceptions=True)


def _accept(request: bytes) -> bytes:
    lines = (line.partition(b":") for line in request.split(b"\r\n"))
    key = next(value.strip() for name, _, value in lines if name.lower() == b"sec-websocket-key")
    accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())  # noqa: S324 - RFC 6455
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )
