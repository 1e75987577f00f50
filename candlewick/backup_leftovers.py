"""What backups and restores that were killed have left: removed by the next to the same place."""

import fcntl
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from candlewick.stack.folder import StackFolder


def remove_parts(target: Path) -> None:
    """Remove files `TARGET.PID.part`, but none that a living process has locked."""
    for path in _beside(target, "part"):
        with suppress(OSError):  # what may not be removed is in nobody's way
            if path.is_file() and not _is_locked(path):
                path.unlink()


def remove_restored(folder: Path) -> None:
    """Remove folders `FOLDER.PID.restored`, but none that a living process holds."""
    for path in _beside(folder, "restored"):
        with suppress(OSError):
            if path.is_dir() and not StackFolder(path).is_held():
                shutil.rmtree(path, ignore_errors=True)


def _beside(place: Path, ending: str) -> Iterator[Path]:
    # Linux has ids of up to seven digits, and a date that somebody put there has eight.
    name = re.compile(rf"{re.escape(place.name)}\.[0-9]{{1,7}}\.{ending}")
    with suppress(OSError):  # a folder that may be written and not read
        for path in sorted(place.parent.iterdir()):
            if name.fullmatch(path.name) and not path.is_symlink():
                yield path


def _is_locked(path: Path) -> bool:
    with path.open("r+b") as file:  # over a network only who may write may lock
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
