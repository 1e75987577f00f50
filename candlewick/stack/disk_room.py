"""Room on the disk of the local stack: when it has run out, and when there is enough again."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

NEEDED_MB = 500  # to start with
LEAST_MB = 100  # below it all is ended, while the servers still have room to end well


@dataclass(slots=True)
class Room:
    """The free space of a folder's disk, looked at again and again.

    Attributes:
        short: There was too little, and there is not yet as much as is needed.
    """

    root: Path
    needed_mb: float = NEEDED_MB
    least_mb: float = LEAST_MB
    short: bool = False

    def free_mb(self) -> float:
        """Return what is free for a user who is not root, in megabytes."""
        return shutil.disk_usage(self.root).free / 1e6

    def look(self) -> bool:
        """Tell whether there is room, after looking."""
        self.short = self.free_mb() < (self.needed_mb if self.short else self.least_mb)
        return not self.short


def is_full(error: OSError) -> bool:
    """Tell whether a write failed for want of room, on the disk or in the user's share of it."""
    return error.errno in {errno.ENOSPC, errno.EDQUOT}


@contextmanager
def unless_full() -> Iterator[None]:
    """Leave undone what finds no room; for what is tried again, or can be done without."""
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise
