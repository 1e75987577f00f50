"""The one rule for links in a backup: none leads out of the data folder. Pure."""

import os
from pathlib import PurePosixPath


def stays(link: PurePosixPath, target: PurePosixPath) -> bool:
    """Tell whether a link in a backup leads to what is in it, whatever else there is a link.

    Args:
        link: Its name, whose parents are folders.
        target: What it says. Behind a name a ``..`` may go up from elsewhere: none is believed.
    """
    is_plain = os.path.normpath(target) == str(target)
    return is_plain and within(link.parent / target) is not None


def within(name: PurePosixPath) -> PurePosixPath | None:
    """Return a name without `..`; None if it lies outside of the folder in which it begins."""
    plain = PurePosixPath(os.path.normpath(name))
    return None if plain.is_absolute() or ".." in plain.parts else plain
