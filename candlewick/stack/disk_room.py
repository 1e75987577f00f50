"""The disks of the local stack: whether they are full or have room again, or may not be used."""

import errno
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
NEEDED_MB = 500  # to start, or to go on after the disk was full
LEAST_MB = 100  # below it everything is stopped, while the servers still have room to shut down


@dataclass(slots=True)
class Room:
    """The free space of a folder's disk, with hysteresis between running out and going on.

    Attributes:
        root: The folder.
        needed_mb: Megabytes that must be free to go on after a shortage.
        least_mb: Megabytes below which a shortage begins.
        short: Whether a shortage began and has not ended.
        beside: Other folders, which may be links to other disks; the fullest disk counts.
    """

    root: Path
    needed_mb: float = NEEDED_MB
    least_mb: float = LEAST_MB
    short: bool = False
    beside: tuple[Path, ...] = ()

    def fullest(self) -> Path:
        """Return the folder whose disk has the least free space.

        Raises:
            OSError: The disk of `root` cannot be looked at.
        """
        return self._fullest()[1]

    def free_mb(self) -> float:
        """Return the space that is free to a user other than root, in megabytes.

        Raises:
            OSError: The disk of `root` cannot be looked at.
        """
        return self._fullest()[0]

    def look(self) -> bool:
        """Measure the free space, and return whether there is enough.

        Raises:
            OSError: The disk of `root` cannot be looked at; whether there is enough is as before.
        """
        self.short = self.free_mb() < (self.needed_mb if self.short else self.least_mb)
        return not self.short

    def _fullest(self) -> tuple[float, Path]:
        disks = {self.root.stat().st_dev: (_free_mb(self.root), self.root)}
        for place in self.beside:
            # One that is not there, or whose disk has failed, says nothing of the others.
            with suppress(OSError):
                disks.setdefault(place.stat().st_dev, (_free_mb(place), place))
        return min(disks.values())


def _free_mb(place: Path) -> float:
    return shutil.disk_usage(place).free / 1e6


def is_full(error: OSError) -> bool:
    """Return whether a write failed because the disk, or the user's quota, is full."""
    return error.errno in {errno.ENOSPC, errno.EDQUOT}


def forbidden_place(error: OSError) -> Path | None:
    """Return the place that may not be used; None if the error is another one or names none."""
    is_named = error.errno in _FORBIDDEN and isinstance(error.filename, str)
    return Path(error.filename).absolute() if is_named else None


def is_of(place: Path, folder: Path) -> bool:
    """Return whether a place is in a folder, or on the way to it: where it would be made."""
    return place.is_relative_to(folder) or folder.is_relative_to(place)
