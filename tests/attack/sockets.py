"""1f: websocket frames and handshakes that keep to no protocol."""

import os
import socket
import struct
import zlib
from base64 import b64encode
from contextlib import suppress
from typing import Final

from tests.attack.tally import Fault, Tally
from tests.attack.world import World
from tests.support.stack import Stack

_PATIENCE_S: Final = 20.0
_PATH: Final = "/v1/stream/ws?kinds=gap"  # quiet, so that what comes is about us
_CONTINUES, _TEXT, _CLOSE, _PING, _FINAL, _MASKED = 0, 1, 8, 9, 0x80, 0x80


def attack(world: World, tally: Tally) -> None:
    """Break the protocol in each way; the server closes, and goes on for others."""
    for name, raw in _faults().items():
        with _opened(world.stack) as connection:
            tally.tried += 1
            with suppress(ConnectionError):
                connection.sendall(raw)
            if not _ends(connection):
                tally.blame(Fault.ACCEPTED, f"the connection goes on after {name}")
    for lines in _HANDSHAKES:
        tally.tried += 1
        with _connected(world.stack) as connection:
            connection.sendall(f"GET {_PATH} HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode())
            first = connection.recv(4096).partition(b"\r\n")[0]
        if first.startswith(b"HTTP/1.1 5"):
            tally.blame(Fault.ERROR, f"{first!r} for {lines!r}")
        if first.startswith(b"HTTP/1.1 101"):
            tally.blame(Fault.ACCEPTED, f"{first!r} for {lines!r}")


_UPGRADE: Final = "Connection: Upgrade\r\nUpgrade: websocket\r\n"
_KEY: Final = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
_HANDSHAKES: Final = (
    f"{_UPGRADE}Sec-WebSocket-Version: 13\r\n",
    f"{_UPGRADE}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n",
    f"{_UPGRADE}Sec-WebSocket-Version: 12\r\n{_KEY}",
    f"{_UPGRADE}Sec-WebSocket-Version: x\r\n{_KEY}",
    f"{_UPGRADE}{_KEY}",
    f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n{_KEY}",
    f"{_UPGRADE}Sec-WebSocket-Version: 13\r\n{_KEY}{_KEY}",
)


def _faults() -> dict[str, bytes]:
    bomb = zlib.compressobj(wbits=-15)
    packed = bomb.compress(bytes(50_000_000)) + bomb.flush(zlib.Z_SYNC_FLUSH)
    return {
        "an unmasked frame": bytes([_FINAL | _TEXT, 1]) + b"x",
        "a reserved bit": _frame(_TEXT, b"x", bits=0x20),
        "an unknown kind": _frame(3, b"x"),
        "an unknown control": _frame(11, b"x"),
        "a ping in parts": _frame(_PING, b"x", bits=0, final=False),
        "a long ping": _frame(_PING, b"x" * 126),
        "a part of nothing": _frame(_CONTINUES, b"x"),
        "a text in the midst of a text": _frame(_TEXT, b"x", final=False) + _frame(_TEXT, b"x"),
        "text that is none": _frame(_TEXT, b"\xff\xfe"),
        "a close of one byte": _frame(_CLOSE, b"x"),
        "a close of no code": _frame(_CLOSE, b"\0\0"),
        "a close whose reason is no text": _frame(_CLOSE, b"\x03\xe8\xff"),
        "a frame of 2^63 bytes": bytes([_FINAL | _TEXT, _MASKED | 127]) + struct.pack(">Q", 2**63),
        "a frame of 2^40 bytes": bytes([_FINAL | _TEXT, _MASKED | 127]) + struct.pack(">Q", 2**40),
        "a message of 50 MB, packed": _frame(_TEXT, packed, bits=0x40),
        "packed junk": _frame(_TEXT, b"\xff" * 50, bits=0x40),
        "bytes of no frame": b"\xff" * 100,
        "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    }


def _frame(kind: int, data: bytes, *, bits: int = 0, final: bool = True) -> bytes:
    """Return a masked frame; the mask is zero, which is allowed."""
    first = (_FINAL if final else 0) | bits | kind
    if len(data) < 126:
        length = bytes([_MASKED | len(data)])
    elif len(data) < 65_536:
        length = bytes([_MASKED | 126]) + struct.pack(">H", len(data))
    else:
        length = bytes([_MASKED | 127]) + struct.pack(">Q", len(data))
    return bytes([first]) + length + bytes(4) + data


def _opened(stack: Stack) -> socket.socket:
    connection = _connected(stack)
    key = b64encode(os.urandom(16)).decode()
    connection.sendall(
        f"GET {_PATH} HTTP/1.1\r\nHost: x\r\n{_UPGRADE}Sec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: {key}\r\n"
        "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n".encode()
    )
    answer = connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 101"), answer
    return connection


def _ends(connection: socket.socket) -> bool:
    try:
        while connection.recv(65_536):
            pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


def _connected(stack: Stack) -> socket.socket:
    return socket.create_connection(("127.0.0.1", stack.ports["api"]), _PATIENCE_S)
