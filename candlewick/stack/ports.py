"""Loopback ports: which are free, and who answers."""

import socket

LOOPBACK = "127.0.0.1"
MOST_PORT = 65_535


def port_number(text: str) -> int:
    """Return a port that was written as text; 0 stands for any that is free.

    Raises:
        ValueError: It is no port.
    """
    number = int(text)
    if not 0 <= number <= MOST_PORT:
        raise ValueError(text)
    return number


def free_port() -> int:
    """Return a port that nobody holds at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Tell whether a server may listen on this port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def answers(port: int) -> bool:
    """Tell whether a server accepts connections on this port."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=0.5).close()
    except OSError:
        return False
    return True
