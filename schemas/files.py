"""Atomic writes of files; the project writes small ones only in this way."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP}  # as on FAT and some shared folders


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
    with whole_file(path, fresh, mode=mode) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def write_first(path: Path, content: bytes | str, *, mode: int = 0o666) -> None:
    """Write a file in one step, unless somebody has written it first: then that one stays.

    Args:
        path: Its folder must exist.
        content: Text is written as UTF-8.
        mode: Permissions of the new file, before the umask.

    Raises:
        OSError: The file could not be written.
    """
    ours = path.with_name(f"{path.name}.{uuid4().hex}")
    write_whole(ours, content, mode=mode)
    try:
        with suppress(FileExistsError):
            os.link(ours, path)  # unlike a rename, it replaces nothing
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if not path.exists():  # between these two another one may come, which is rare
            ours.replace(path)
    finally:
        ours.unlink(missing_ok=True)
    keep(path.parent)


@contextmanager
def whole_file(path: Path, fresh: Path, *, mode: int = 0o666) -> Iterator[BinaryIO]:
    """Write a file piece by piece, and put it into its place in one step when the block ends.

    Args:
        path: Its folder must exist.
        fresh: Where it is until then, on the same disk; removed if the block raises.
        mode: Permissions of the new file, before the umask.

    Raises:
        OSError: The file could not be written; the old one is unchanged.
    """
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            # Without it the name may reach the disk before the bytes: an empty file after a cut.
            os.fsync(descriptor)
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    keep(path.parent)


def keep(path: Path) -> None:
    """Flush a file, or the names in a folder where a system lets one open it, to disk.

    Raises:
        OSError: The disk has failed.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
