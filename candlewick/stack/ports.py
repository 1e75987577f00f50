"""Checks of loopback ports: valid, free, or answering."""

import socket

LOOPBACK = "127.0.0.1"
MOST_PORT = 65_535


def port_number(text: str) -> int:
    """Parse a port number; 0 stands for any free port.

    Raises:
        ValueError: The text is not a port number.
    """
    number = int(text)
    if not 0 <= number <= MOST_PORT:
        raise ValueError(text)
    return number


def free_port() -> int:
    """Return a port that is free at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Return whether a server could listen on this port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def answers(port: int, host: str = LOOPBACK) -> bool:
    """Return whether a server accepts connections on this port."""
    try:
        socket.create_connection((host, port), timeout=0.5).close()
    except OSError:
        return False
    return True
