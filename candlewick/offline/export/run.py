"""Makes the files of an export, one after the other, so that it may be stopped at any time."""

import errno
import fcntl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

from candlewick.offline.export.kinds import Dataset
from candlewick.offline.export.manifest import Content, Entry, Manifest, Verdict, verdict
from candlewick.offline.export.periods import Period, Range
from candlewick.offline.export.store import Store
from candlewick.offline.export.writers import Format, grouped, write_rows
from schemas.errors import ConfigurationError
from schemas.files import whole_file

UNFINISHED: Final = ".unfinished"
_NOT_ALLOWED: Final = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST}


@dataclass(frozen=True, slots=True)
class Task:
    """A file to make."""

    dataset: Dataset
    symbol: str
    period: Period


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a file.

    Attributes:
        file: Its path, relative to the folder.
        bytes: Its size.
    """

    task: Task
    state: Verdict
    file: str
    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Export:
    """An export into a folder, which nobody else may write at the same time.

    Attributes:
        again: Make every file again, whatever is there.
    """

    store: Store
    folder: Path
    form: Format
    again: bool = False

    def plan(
        self, datasets: Sequence[Dataset], symbols: Sequence[str], wanted: Range
    ) -> list[Task]:
        """Return the files to make, by dataset, symbol and time.

        Raises:
            ConfigurationError: Nothing is stored of a symbol, or of the range.
        """
        tasks = [
            Task(dataset, symbol, period)
            for dataset in datasets
            for symbol, periods in self.store.periods(dataset, symbols).items()
            for period in periods
            if wanted.touches(period)
        ]
        if not tasks:
            names = " and ".join(dataset.name for dataset in datasets)
            raise ConfigurationError(f"no {names} of this range are stored: widen --from and --to")
        return tasks

    def run(self, tasks: Sequence[Task], told: Callable[[Task], None]) -> Iterator[Made]:
        """Make the files that are missing or have changed, and yield what became of each.

        Args:
            tasks: The files.
            told: Called before each.

        Raises:
            ConfigurationError: The folder may not be written, or another export writes it.
            OSError: The disk is full.
            Transient: ClickHouse does not answer.
        """
        with _explained(self.folder), _held(self.folder):
            manifest = Manifest(self.folder)
            for task in tasks:
                told(task)
                if (made := self._made(task, manifest)) is not None:
                    yield made

    def _made(self, task: Task, manifest: Manifest) -> Made | None:
        dataset, symbol, period = task.dataset, task.symbol, task.period
        file = dataset.path(symbol, period, self.form)
        entry = None if self.again else manifest.find(file)
        if entry is not None:
            state = verdict(entry, self.store.held(dataset, symbol, period))
            if state is not Verdict.MADE:
                return Made(task, state, file, entry.content.rows, entry.size)
        content = self._write(task, self.folder / file)
        if content is None:
            return None
        size = (self.folder / file).stat().st_size
        manifest.add(Entry(file, size, content))
        return Made(task, Verdict.MADE, file, content.rows, size)

    def _write(self, task: Task, path: Path) -> Content | None:
        """Write a file; None, and no file, where its last rows have just been deleted."""
        dataset = task.dataset
        batches = self.store.batches(dataset, task.symbol, task.period)
        if (first := next((batch for batch in batches if batch.num_rows), None)) is None:
            return None
        tables = grouped(chain([first], batches))
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path, self.folder / UNFINISHED / "file") as file:
            return write_rows(
                file,
                self.form,
                tables,
                time=dataset.time,
                folders=dataset.folders,
            )


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Lock the folder, and remove what an export that was killed has left half."""
    unfinished = folder / UNFINISHED
    unfinished.mkdir(parents=True, exist_ok=True)
    with (unfinished / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigurationError(
                f"another export is writing into {folder}: let it end, or choose another --out"
            ) from error
        (unfinished / "file").unlink(missing_ok=True)
        yield


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _NOT_ALLOWED:
            raise ConfigurationError(
                f"{error.filename or folder} may not be written ({error.strerror}): allow it, "
                "or choose another --out"
            ) from error
        error.filename = error.filename or str(folder)
        raise
