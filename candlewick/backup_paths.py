"""What of a data folder is in a backup; no link in it leads out of it. Both ways ask here."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePath, PurePosixPath
from typing import Final

from schemas.errors import ConfigurationError

MANIFEST: Final = "candlewick-backup.json"
# Of these processes, not of the data; and what is left of a backup that was unpacked by hand.
LEFT_OUT: Final = frozenset({"logs", "metrics", "run", MANIFEST})
_WHOLE: Final = PurePosixPath()


def backed_up(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield what a backup holds: its name there and where it is, a folder before what is in it.

    A link to another disk in place of what lies in the folder itself is followed, because the data
    are there; all other links stay links.

    Raises:
        ConfigurationError: There is what cannot be restored, for example a link that leads out.
        OSError: Something cannot be read.
    """
    for name, place in tops(folder):
        inside = PurePosixPath(name) if place != folder / name else _WHOLE
        yield from _walked(PurePosixPath(name), place, inside)


def tops(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield what lies in the folder itself, and where that is, on whatever disk."""
    for top in sorted(folder.iterdir()):
        if top.name not in LEFT_OUT:
            is_elsewhere = top.is_symlink() and not stays(PurePosixPath(top.name), top.readlink())
            yield top.name, top.resolve(strict=True) if is_elsewhere else top


def stays(link: PurePosixPath, target: PurePath, inside: PurePosixPath = _WHOLE) -> bool:
    """Tell whether a link in a backup leads to what is in it, whatever else there is a link.

    Args:
        link: Its name, whose parents are folders.
        target: What it says. Behind a name a ``..`` may go up from elsewhere: none is believed.
        inside: The part of the backup in which it must stay.
    """
    end = within(link.parent / target)
    is_plain = os.path.normpath(target) == str(target)
    return is_plain and end is not None and end.is_relative_to(inside)


def within(name: PurePosixPath) -> PurePosixPath | None:
    """Return a name without `..`; None if it lies outside of the folder in which it begins."""
    plain = PurePosixPath(os.path.normpath(name))
    return None if plain.is_absolute() or ".." in plain.parts else plain


def _walked(name: PurePosixPath, path: Path, inside: PurePosixPath) -> Iterator[tuple[str, Path]]:
    mode = path.lstat().st_mode
    if stat.S_ISSOCK(mode):  # of a process that has ended
        return
    if stat.S_ISLNK(mode) and not stays(name, path.readlink(), inside):
        raise ConfigurationError(
            f"{path} is a link to {path.readlink()}, which would not be in the backup: put in its "
            f"place what it leads to, or put all of {name.parts[0]} elsewhere and link that"
        )
    if not (stat.S_ISLNK(mode) or stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
        raise ConfigurationError(f"{path} is neither a file nor a folder: remove it")
    yield str(name), path
    if stat.S_ISDIR(mode):
        for inner in sorted(path.iterdir()):
            yield from _walked(name / inner.name, inner, inside)
