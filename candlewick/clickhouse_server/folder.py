"""Checks of the data folder before the engine opens it, with clearer errors than the engine's."""

import fcntl
import shutil
from pathlib import Path
from typing import Final

from schemas.errors import ConfigurationError

_STATUS: Final = "status"
_ROWS: Final = "candlewick-rows"
_PATTERN: Final = frozenset("?*{}")


def make_folder(folder: Path) -> None:
    """Create the data folder if it does not exist.

    Raises:
        ConfigurationError: The path is not a folder, or has a sign the engine treats as a pattern.
    """
    if found := _PATTERN & set(str(folder)):
        raise ConfigurationError(
            f"the engine reads {folder} as a pattern: choose a folder without '{min(found)}' in "
            "its path (CANDLEWICK_DATA_DIR, or --path of a single ClickHouse)"
        )
    if folder.exists() and not folder.is_dir():
        raise ConfigurationError(f"{folder} is not a folder: choose another one")
    folder.mkdir(parents=True, exist_ok=True)


def empty_rows_folder(folder: Path) -> Path:
    """Create the empty folder for inserted rows, and delete rows that a killed server left there.

    Only the owner of the data folder may call it.
    """
    rows = folder / _ROWS
    shutil.rmtree(rows, ignore_errors=True)
    rows.mkdir(mode=0o700, exist_ok=True)
    return rows


def refuse_second_owner(folder: Path) -> None:
    """Check the engine's lock before the engine does.

    Raises:
        ConfigurationError: Another process has locked the folder.

    Source: ClickHouse, src/Common/StatusFile.cpp: flock on ``status``, whose first line is the pid.
    """
    status = folder / _STATUS
    if not status.exists():
        return
    with status.open("r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = file.readline().strip() or "PID: unknown"
            raise ConfigurationError(
                f"another process owns {folder} ({owner}): stop it, or choose another --path"
            ) from error
