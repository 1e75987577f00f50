"""Breaks and silences the connections of other processes, without their help and without a proxy.

A socket of another process is fetched with pidfd_getfd(2). Shut down, its connection breaks. With a
filter that lets nothing in (SO_ATTACH_FILTER), the kernel drops what arrives and the other side
sends it again and again, as on a line that is dead: taken off again, it goes on where it was.
"""

import ctypes
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

import psutil

_PIDFD_GETFD: Final = 438  # Source: linux/unistd.h; the same number on every architecture
_SO_ATTACH_FILTER: Final = 26
_SO_DETACH_FILTER: Final = 27
_LET_NOTHING_IN: Final = struct.pack("HBBI", 0x06, 0, 0, 0)  # BPF: return 0 bytes of the packet
_libc: Final = ctypes.CDLL(None, use_errno=True)


def is_possible() -> bool:
    """Return whether this system lends the sockets of a process."""
    return hasattr(os, "pidfd_open")


def connections(process: psutil.Process | None, port: int) -> list[socket.socket]:
    """Return a process's connections to a server of this machine, as sockets of our own.

    They hold a connection open even if its process dies, as a machine does that lost its power.
    """
    if process is None:
        return []
    with suppress(psutil.Error, OSError):
        found = process.net_connections("tcp")
        wanted = [
            each.fd
            for each in found
            if each.raddr and each.raddr.port == port and each.status == psutil.CONN_ESTABLISHED
        ]
        return list(_fetched(process.pid, wanted))
    return []


def _fetched(pid: int, numbers: list[int]) -> Iterator[socket.socket]:
    handle = os.pidfd_open(pid)
    try:
        for number in numbers:
            copy = _libc.syscall(_PIDFD_GETFD, handle, number, 0)
            if copy >= 0:
                yield socket.socket(fileno=copy)
    finally:
        os.close(handle)


def cut(sockets: list[socket.socket]) -> None:
    """Break connections."""
    for each in sockets:
        with suppress(OSError), each:
            each.shutdown(socket.SHUT_RDWR)


def silence(sockets: list[socket.socket]) -> None:
    """Let nothing more arrive on connections; they stay open."""
    code = ctypes.create_string_buffer(_LET_NOTHING_IN)
    program = struct.pack("HL", 1, ctypes.addressof(code))
    for each in sockets:
        with suppress(OSError):
            each.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)


def let_speak(sockets: list[socket.socket]) -> None:
    """Let everything arrive again."""
    for each in sockets:
        with suppress(OSError), each:
            each.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
