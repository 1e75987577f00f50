"""Connections of a process break or fall silent, and silent ones go on where they were."""

import socket
from collections.abc import Iterator
from contextlib import closing

import psutil
import pytest

from tests.chaos.connections import connections, cut, is_possible, let_speak, silence

pytestmark = pytest.mark.skipif(not is_possible(), reason="only Linux lends sockets of a process")


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The client's end of a connection and the server's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
        with closing(client), closing(server):
            yield client, server


def found(server: socket.socket) -> list[socket.socket]:
    return connections(psutil.Process(), server.getsockname()[1])


def test_a_connection_that_is_cut_ends_on_both_sides(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    client, server = ends
    (lent,) = found(server)
    cut([lent])

    assert client.recv(9) == b""
    assert server.recv(9) == b""


def test_on_a_silent_connection_nothing_arrives_until_it_speaks_again(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    client, server = ends
    lent = found(server)
    silence(lent)
    client.settimeout(0.3)
    server.sendall(b"later")
    with pytest.raises(TimeoutError):
        client.recv(9)

    client.settimeout(30)
    let_speak(lent)
    assert client.recv(9) == b"later"
    client.sendall(b"still open")
    assert server.recv(99) == b"still open"


def test_a_process_that_is_gone_and_a_server_without_clients_have_no_connections() -> None:
    assert connections(None, 1) == []
    assert connections(psutil.Process(), 1) == []
