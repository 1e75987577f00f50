"""Checks of ports: valid, free, or answering."""

import errno
import socket

from schemas.errors import ConfigurationError

LOOPBACK = "127.0.0.1"
MOST_PORT = 65_535
FIRST_FOR_ALL = 1024  # those below are for root alone, as systems are set up


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


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Return whether a server could listen on this port, or another one does.

    Args:
        port: The port.
        host: Where the server listens; only the API may do so elsewhere than on loopback.

    Where the host is not this machine now, as before a network is up, nobody else listens there:
    the server tells it, and is tried again.

    Raises:
        ConfigurationError: This user may not use the port.
    """
    try:
        where = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(where[0]) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except PermissionError as error:
        raise ConfigurationError(
            f"this user may not use port {port}: choose one from {FIRST_FOR_ALL} on, or allow it"
        ) from error
    except OSError as error:
        return error.errno != errno.EADDRINUSE
    return True


def answers(port: int, host: str = LOOPBACK) -> bool:
    """Return whether a server accepts connections on this port."""
    try:
        socket.create_connection((host, port), timeout=0.5).close()
    except OSError:
        return False
    return True
