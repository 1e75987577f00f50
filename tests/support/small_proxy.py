"""A small real proxy: HTTP (whole addresses and CONNECT) and SOCKS5, on a free port of loopback.

Whatever host is asked for, it connects to loopback: an outer world of one machine.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

SOCKS5 = 5
READ_BYTES = 65_536


@dataclass(slots=True)
class SmallProxy:
    """A running proxy, and the hosts that it was asked for."""

    port: int = 0
    asked: list[str] = field(default_factory=list)

    @property
    def http_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def socks_url(self) -> str:
        return f"socks5://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, EOFError, asyncio.CancelledError):
            first = await reader.readexactly(1)
            if first[0] == SOCKS5:
                await self._socks(reader, writer)
            else:
                await self._http(first, reader, writer)
        await _closed(writer)

    async def _socks(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly((await reader.readexactly(1))[0])
        writer.write(b"\x05\x00")  # no login
        kind = (await reader.readexactly(4))[3]
        if kind == 1:
            host = ".".join(str(part) for part in await reader.readexactly(4))
        else:
            host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        port = int.from_bytes(await reader.readexactly(2))
        self.asked.append(host)
        writer.write(b"\x05\x00\x00\x01\x7f\x00\x00\x01" + port.to_bytes(2))
        await _joined(reader, writer, port, b"")

    async def _http(
        self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        head = first + await reader.readuntil(b"\r\n\r\n")
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
            self.asked.append(host)
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await _joined(reader, writer, int(port), b"")
            return
        url = urlsplit(target)
        self.asked.append(url.hostname or "")
        path = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
        passed = head.replace(target.encode(), path.encode(), 1)
        # One request a connection: the next one may be to another host.
        passed = passed.replace(b"keep-alive", b"close")
        await _joined(reader, writer, url.port or 80, passed)


async def _joined(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, first: bytes
) -> None:
    there, back = await asyncio.open_connection("127.0.0.1", port)
    try:
        back.write(first)
        await asyncio.gather(_copied(reader, back), _copied(there, writer))
    finally:
        await _closed(back)


async def _copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(READ_BYTES):
            writer.write(data)
            await writer.drain()
    await _closed(writer)


async def _closed(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        writer.close()
        await writer.wait_closed()


@contextmanager
def running_proxy() -> Iterator[SmallProxy]:
    """A proxy that serves in a thread while the block runs."""
    proxy, loop, ready = SmallProxy(), asyncio.new_event_loop(), threading.Event()
    ending = asyncio.Event()

    async def run() -> None:
        server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
        proxy.port = server.sockets[0].getsockname()[1]
        ready.set()
        await ending.wait()
        server.close()
        mine = asyncio.current_task()
        left = [task for task in asyncio.all_tasks() if task is not mine]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),), daemon=True)
    thread.start()
    ready.wait()
    try:
        yield proxy
    finally:
        loop.call_soon_threadsafe(ending.set)
        thread.join()
        loop.close()
