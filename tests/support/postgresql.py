"""A real PostgreSQL for tests: Debian's, in a temporary folder, reached by a socket in it."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from sqlalchemy import make_url

from tests.support.debian import program

START_S = 60
_OWNER = "postgres"  # the server refuses to run as root


@contextmanager
def running_postgresql() -> Iterator[str]:
    """Give the URL of an empty database; it ends with the block."""
    binaries = Path(program(_find, "postgresql")).parent
    with tempfile.TemporaryDirectory(prefix="candlewick-pg-") as name:
        folder, user = Path(name), _owner()
        if user is not None:
            shutil.chown(folder, user)

        def run(*command: str) -> None:
            asked = [str(binaries / command[0]), *command[1:]]
            subprocess.run(
                asked, cwd=folder, user=user, check=True, stdout=subprocess.DEVNULL, timeout=START_S
            )

        data = str(folder / "data")
        words = ("--locale=C", "--encoding=UTF8")  # its messages are English on every machine
        run("initdb", "-D", data, "-U", _OWNER, "-A", "trust", "--no-sync", *words)
        options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
        log = str(folder / "log")
        run("pg_ctl", "-D", data, "-l", log, "-w", "-t", str(START_S), "-o", options, "start")
        try:
            yield f"postgresql+psycopg://{_OWNER}@/postgres?host={folder}"
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")


@contextmanager
def frozen(url: str) -> Iterator[None]:
    """Let the server of `running_postgresql` stand still, with all its processes."""
    folder = Path(str(make_url(url).query["host"]))
    server = psutil.Process(int((folder / "data" / "postmaster.pid").read_text().split()[0]))
    server.suspend()  # first, so that it begins no further process
    family = [server, *server.children(recursive=True)]
    try:
        for process in family:
            process.suspend()
        yield
    finally:
        for process in family:
            process.resume()


def _find() -> str | None:
    beside_path = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb")))
    return shutil.which("initdb") or next(reversed(beside_path), None)


def _owner() -> str | None:
    if os.geteuid() != 0:
        return None
    return pwd.getpwnam(_OWNER).pw_name
