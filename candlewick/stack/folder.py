"""The folder of a local stack: data, logs, state and credentials of one machine's pipeline."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import IO

import psutil
from pydantic import TypeAdapter, ValidationError

from candlewick.stack.addresses import Market
from candlewick.stack.disk_room import NEEDED_MB, Room
from candlewick.stack.process_identity import Identity
from candlewick.stack.state import StackState, read_state
from clients.watching.exporter import FOLDER as METRICS
from schemas.errors import ConfigurationError
from schemas.files import write_whole

LOOK_S = 1.0  # who looks whether a stack runs shares the lock for far less


@dataclass(frozen=True, slots=True)
class StackFolder:
    """The paths inside the folder of one local stack, by default ``.candlewick``."""

    root: Path

    def nearest(self) -> Path:
        """Return the folder itself, or the one above it that is there."""
        return next(place for place in (self.root, *self.root.parents) if place.exists())

    def room(self) -> Room:
        """Return the free space of the disks of the folder and of both servers' data."""
        return Room(self.nearest(), beside=(self.kafka, self.clickhouse))

    @property
    def kafka(self) -> Path:
        """Folder of Kafka's data."""
        return self.root / "kafka"

    @property
    def clickhouse(self) -> Path:
        """Folder of ClickHouse's data."""
        return self.root / "clickhouse"

    @property
    def state(self) -> Path:
        """File in which the supervisor records the running processes."""
        return self.root / "run" / "state.json"

    @property
    def exchange(self) -> Path:
        """File in which the simulated exchange keeps where its market is."""
        return self.root / "exchange.json"

    @property
    def credentials(self) -> Path:
        """File of the generated passwords."""
        return self.root / "credentials"

    @property
    def logs(self) -> Path:
        """Folder of the logs, one file a process."""
        return self.root / "logs"

    @property
    def metrics(self) -> Path:
        """Folder in which each process tells where it serves its metrics."""
        return self.root / METRICS

    def log(self, name: str) -> Path:
        """Return the log file of one process."""
        return self.logs / f"{name}.log"

    def make(self, needed_mb: int = NEEDED_MB) -> None:
        """Create the folders.

        Raises:
            ConfigurationError: The disk has less than `needed_mb` megabytes free.
        """
        for folder in (self.kafka, self.clickhouse, self.logs, self.state.parent):
            folder.mkdir(parents=True, exist_ok=True)
        room = self.room()
        free_mb = room.free_mb()
        if free_mb < needed_mb:
            raise ConfigurationError(
                f"the disk of {room.fullest()} is full: {free_mb:.0f} MB are free and "
                f"{needed_mb} MB are needed; make room, or set CANDLEWICK_DATA_DIR to a folder on "
                "another disk"
            )

    @property
    def market(self) -> str | None:
        """Whose data are here; None before the first start."""
        if self._market.exists():
            return self._market.read_text(errors="replace").strip()
        if state := read_state(self.state):  # of before this rule: as it was started last
            return state.addresses.market
        return Market.SIMULATED if self.exchange.exists() else None

    def running(self) -> StackState | None:
        """Return the state of the stack that runs over the folder now; None if none does."""
        state = read_state(self.state) if self.is_held() else None
        # Who holds the folder may be a backup, or a stack that has not written its own state yet.
        return state if state and state.supervisor.find() else None

    @property
    def starter(self) -> str:
        """The command that starts the stack over the data that are here."""
        return "candlewick up --live" if self.market == Market.REAL else "candlewick up"

    def refuse_other(self, market: Market) -> None:
        """Check that the folder holds no other market's data.

        Raises:
            ConfigurationError: It does, under the same names.
        """
        known = self.market
        if known not in (None, market):
            other = self.root.with_name(f"{self.root.name}-{market}")
            way = "leave --live out" if market is Market.REAL else "add --live"
            raise ConfigurationError(
                f"{self.root} holds data of the {known} market, and those of the {market} one do "
                f"not belong beside them: {way}, or set CANDLEWICK_DATA_DIR to another folder, "
                f"for example {other}"
            )

    def keep_to(self, market: Market) -> None:
        """Note whose data the folder holds at the first start, and refuse any other from then on.

        Raises:
            ConfigurationError: It holds the data of the other market, under the same names.
        """
        self.refuse_other(market)
        write_whole(self._market, f"{market}\n")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Lock the folder; the lock ends with the process, however that ends.

        Raises:
            ConfigurationError: Another process has locked it.
        """
        self.state.parent.mkdir(parents=True, exist_ok=True)
        with self._lock.open("a") as lock:
            try:
                _lock_alone(lock)
            except BlockingIOError as error:
                raise ConfigurationError(
                    f"a stack is already running over {self.root}: see it with `candlewick "
                    "status`, end it with `candlewick down`"
                ) from error
            lock.truncate(0)
            lock.write(json.dumps(asdict(Identity.of(os.getpid()))))
            lock.flush()
            yield

    def is_held(self) -> bool:
        """Return whether a supervisor has locked the folder."""
        try:
            opened = self._lock.open("rb")  # to look is allowed where nothing may be written
        except (FileNotFoundError, NotADirectoryError):
            return False
        with opened as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            return False

    def holder(self) -> Identity | None:
        """Return the process that locked the folder; None if none has, or it is not to be seen.

        One in another container or on another machine is not: its id is somebody else's here.
        """
        if not self.is_held():
            return None
        said = self._lock.read_bytes()
        if said.isdigit():  # as an older version wrote it: the id alone
            return _opener(int(said), self._lock)
        try:
            identity = _identity().validate_json(said, strict=True)
        except ValidationError:  # it is just being written
            return None
        return identity if identity.find() else None

    def held_unseen(self) -> str | None:
        """Return who may hold the folder while no stack is seen in it; None if nobody holds it."""
        if not self.is_held():
            return None
        if found := self.holder():
            return f"process {found.pid} holds {self.root}: it is starting the stack, or copying it"
        return self.held_elsewhere

    @property
    def held_elsewhere(self) -> str:
        """What is said of a folder whose holder is not to be seen."""
        return f"{self.root} is held by a process of another container or machine"

    @property
    def _market(self) -> Path:
        return self.root / "market"

    @property
    def _lock(self) -> Path:
        return self.state.parent / "lock"


@cache
def _identity() -> TypeAdapter[Identity]:
    return TypeAdapter(Identity)


def _opener(pid: int, lock: Path) -> Identity | None:
    """Return the process with an id if it has the lock file open, and so is who wrote its id."""
    try:
        opened = {each.path for each in psutil.Process(pid).open_files()}
    except psutil.NoSuchProcess:
        return None
    except psutil.AccessDenied:  # another user's: nothing that is done to it will be allowed either
        return Identity.find_of(pid)
    return Identity.find_of(pid) if str(lock.resolve()) in opened else None


def _lock_alone(file: IO[str]) -> None:
    """Lock a file that others may look at; raises BlockingIOError if one has locked it."""
    deadline = time.monotonic() + LOOK_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # refused if one has it alone
            fcntl.flock(file, fcntl.LOCK_UN)
            time.sleep(0.01)
        else:
            return
