"""A full disk: the supervisor waits for room, says so, and goes on by itself."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from candlewick.clickhouse_server.errors import NOT_ENOUGH_SPACE
from candlewick.stack.addresses import Addresses
from candlewick.stack.disk_room import Room
from candlewick.stack.folder import StackFolder
from candlewick.stack.ports import free_port
from candlewick.stack.programs import Program
from candlewick.stack.state import Phase
from candlewick.stack.supervisor import Supervisor
from schemas.errors import ConfigurationError
from tests.support.servers import log_of, running_clickhouse
from tests.support.small_disk import fill, small_disk

PATIENCE_S = 20.0
SLEEPER = "import time; time.sleep(600)"
WRITER = """
import sys, time
with open(sys.argv[1], "ab", buffering=0) as file:
    while True:
        file.write(b"x" * 1000)
        time.sleep(0.01)
"""
SERVER = "import socket, time; s = socket.create_server(('127.0.0.1', {port})); time.sleep(600)"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", mb=8) as place:
        yield place


def program(name: str, code: str, *arguments: str, port: int | None = None) -> Program:
    return Program(name, (sys.executable, "-c", code, *arguments), port)


def eventually(supervisor: Supervisor, true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline
        supervisor.step()
        time.sleep(0.01)


def phases(supervisor: Supervisor) -> list[Phase]:
    return [state.phase for state in supervisor.states()]


def test_all_rests_while_the_disk_is_full_and_goes_on_when_there_is_room(disk: Path) -> None:
    folder, said = StackFolder(disk / "stack"), list[str]()
    folder.make(needed_mb=1)
    room = Room(folder.root, needed_mb=4, least_mb=1)
    supervisor = Supervisor(folder, Addresses(1, 2, None), dict(os.environ), said.append, room=room)
    port = free_port()
    try:
        supervisor.start(program("server", SERVER.format(port=port), port=port))
        supervisor.start(program("writer", WRITER, str(disk / "data")))
        supervisor.ready = True
        ballast = fill(disk)
        supervisor.step()
        at_rest, was_ready = phases(supervisor), supervisor.ready
        supervisor.step()

        ballast.unlink()
        eventually(supervisor, lambda: supervisor.ready)

        assert (at_rest, was_ready) == ([Phase.NO_ROOM] * 2, False)
        assert phases(supervisor) == [Phase.RUNNING] * 2
        assert [state.restarts for state in supervisor.states()] == [1, 1]
        assert len(said) == 2
        assert "goes on by itself when 4 MB are free" in said[0]
        assert "there is room again" in said[1]
    finally:
        supervisor.stop()


def test_half_the_room_that_is_needed_is_not_yet_enough(disk: Path) -> None:
    room = Room(disk, needed_mb=4, least_mb=1)
    ballast = fill(disk)
    full = room.look()
    with ballast.open("r+b") as file:
        file.truncate(6_000_000)
        half = room.look()
        file.truncate(1_000_000)
        enough = room.look()
        file.seek(0)
        file.write(bytes(6_000_000))

    assert (full, half, enough, room.look()) == (False, False, True, True)


def test_a_disk_of_its_own_for_one_of_the_servers_is_watched_too(
    disk: Path, tmp_path: Path
) -> None:
    folder, said = StackFolder(tmp_path / "stack"), list[str]()
    folder.root.mkdir()
    folder.kafka.symlink_to(disk)
    with pytest.raises(ConfigurationError, match=f"the disk of {folder.kafka} is full"):
        folder.make()
    folder.make(needed_mb=1)
    room = folder.room()
    room.needed_mb, room.least_mb = 4, 1
    supervisor = Supervisor(folder, Addresses(1, 2, None), dict(os.environ), said.append, room=room)
    try:
        supervisor.start(program("sleeper", SLEEPER))
        fill(disk)
        supervisor.step()

        assert phases(supervisor) == [Phase.NO_ROOM]
        assert said[0].startswith(f"the disk of {folder.kafka} is full")
        assert room.free_mb() < 1
    finally:
        supervisor.stop()


def test_what_cannot_be_written_down_or_said_does_not_end_the_supervisor(disk: Path) -> None:
    folder = StackFolder(disk / "stack")
    folder.make(needed_mb=1)
    with (disk / "supervisor.log").open("ab", buffering=0) as log:

        def say(line: str) -> None:
            log.write(line.encode() * 100)

        # A disk may be full by files that are many, or by a share of it: it seems to have room.
        supervisor = Supervisor(
            folder, Addresses(1, 2, None), dict(os.environ), say, room=Room(Path("/"), 0, 0)
        )
        try:
            supervisor.start(program("sleeper", SLEEPER))
            ballast = fill(disk)
            before = supervisor.states()[0].identity
            assert before is not None
            found = before.find()
            assert found is not None
            found.kill()
            eventually(supervisor, lambda: supervisor.states()[0].identity not in {None, before})
            ballast.unlink()
        finally:
            supervisor.stop()


def test_an_insert_without_room_is_refused_in_clickhouses_words_and_done_later(
    tmp_path: Path,
) -> None:
    rows = b"x\n" * 100_000
    with (
        small_disk(tmp_path / "disk", mb=200) as place,
        running_clickhouse(place / "clickhouse") as server,
        server.http() as http,
    ):

        def ask(statement: str, rows: bytes = b"") -> httpx.Response:
            return http.post("/", params={"query": statement}, content=rows)

        ask("CREATE TABLE kept (text String) ENGINE = MergeTree ORDER BY ()").raise_for_status()
        ballast = fill(place)
        answer = ask("INSERT INTO kept FORMAT TSV", rows)

        assert answer.headers["X-ClickHouse-Exception-Code"] == str(NOT_ENOUGH_SPACE)
        assert "No space left" in answer.text
        ballast.unlink()
        ask("INSERT INTO kept FORMAT TSV", rows).raise_for_status()
        assert ask("SELECT count() FROM kept").text.strip() == "100000"
        assert "Traceback" not in log_of(server.path).read_text()
