"""Whose a data folder is: the engine locks a file in it, and says little when that fails."""

import fcntl
import shutil
from pathlib import Path
from typing import Final

from schemas.errors import ConfigurationError

_STATUS: Final = "status"
_ROWS: Final = "candlewick-rows"
_PATTERN: Final = frozenset("?*{}")


def make_folder(folder: Path) -> None:
    """Make a data folder where there is none.

    Raises:
        ConfigurationError: It cannot be one.
    """
    if found := _PATTERN & set(str(folder)):
        raise ConfigurationError(
            f"the engine takes {folder} for a pattern: choose a --path without '{min(found)}'"
        )
    if folder.exists() and not folder.is_dir():
        raise ConfigurationError(f"{folder} is not a folder: choose another --path")
    folder.mkdir(parents=True, exist_ok=True)


def empty_rows_folder(folder: Path) -> Path:
    """Make the folder of rows on their way; a server that was killed may have left some there.

    Only the owner of the data folder may do so.
    """
    rows = folder / _ROWS
    shutil.rmtree(rows, ignore_errors=True)
    rows.mkdir(mode=0o700, exist_ok=True)
    return rows


def refuse_second_owner(folder: Path) -> None:
    """Look at the engine's lock before the engine does.

    Raises:
        ConfigurationError: Another process holds it.

    Source: ClickHouse, src/Common/StatusFile.cpp: flock on ``status``, whose first line is the pid.
    """
    status = folder / _STATUS
    if not status.exists():
        return
    with status.open("r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = file.readline().strip() or "its number is not known"
            raise ConfigurationError(
                f"another process owns {folder} ({owner}): stop it, or choose another --path"
            ) from error
