"""Atomic writes of small files; the project writes them only in this way."""

import os
from pathlib import Path


def write_whole(path: Path, content: bytes | str, *, mode: int = 0o666) -> None:
    """Replace a file in one step: a reader, or a power cut, finds either the old or the new one.

    Args:
        path: Its folder must exist.
        content: Text is written as UTF-8.
        mode: Permissions of the new file, before the umask.

    Raises:
        OSError: The file could not be written; the old one is unchanged.
    """
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    data = content.encode() if isinstance(content, str) else content
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            # Without it the name may reach the disk before the bytes: an empty file after a cut.
            os.fsync(descriptor)
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    _keep_name(path.parent)


def _keep_name(folder: Path) -> None:
    """Flush the new name to disk too, on systems where a folder can be opened."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
