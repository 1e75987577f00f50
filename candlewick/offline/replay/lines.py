"""Reader of plain, gzip and zip files in chunks of whole lines."""

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from schemas.errors import ConfigurationError

CHUNK_BYTES = 512 * 1024  # small enough for the processor's cache
_LONGEST_LINE = 16 * 1024 * 1024
_GZIP, _ZIP = b"\x1f\x8b", b"PK"
_LOCKED = 1  # bit of a zip member's flags


def chunks_of(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file in chunks of whole lines.

    Raises:
        ConfigurationError: The file cannot be read, or is truncated or damaged.
    """
    with damage_told(path):
        for stream in _streams(path):
            yield from chunks_in(stream, path)


@contextmanager
def damage_told(path: Path) -> Iterator[None]:
    """Translate errors of a file that is missing, damaged or not ours to read into one line."""
    try:
        yield
    except FileNotFoundError as error:
        raise ConfigurationError(f"there is no file {path}") from error
    except PermissionError as error:
        raise ConfigurationError(f"{path} may not be read: allow it (chmod u+r)") from error
    except IsADirectoryError as error:
        raise ConfigurationError(f"{path} is a folder: name its files") from error
    except EOFError as error:
        raise ConfigurationError(f"{path} is cut short: fetch it again") from error
    except (zipfile.BadZipFile, zlib.error, gzip.BadGzipFile, NotImplementedError) as error:
        raise ConfigurationError(f"{path} is damaged, fetch it again: {error}") from error


class Stream(Protocol):
    """A stream of bytes."""

    def read(self, size: int, /) -> bytes:
        """Return up to ``size`` bytes; none at the end."""


def _streams(path: Path) -> Iterator[Stream]:
    with path.open("rb") as file:
        magic = file.read(2)
    if magic == _ZIP:
        with zipfile.ZipFile(path) as archive:
            if any(member.flag_bits & _LOCKED for member in archive.infolist()):
                raise ConfigurationError(f"{path} is locked with a password: unpack it first")
            for name in sorted(archive.namelist()):
                with archive.open(name) as member:
                    yield member
    elif magic == _GZIP:
        with gzip.open(path) as unpacked:
            yield unpacked
    else:
        with path.open("rb") as file:
            yield file


def chunks_in(stream: Stream, path: Path, *, longest_line: int = _LONGEST_LINE) -> Iterator[bytes]:
    """Yield the lines of an open file, which is called ``path``, in chunks of whole lines.

    Raises:
        ConfigurationError: It has no lines.
    """
    rest = b""
    while piece := stream.read(CHUNK_BYTES):
        text = rest + piece
        end = text.rfind(b"\n") + 1
        rest = text[end:]
        if len(rest) > longest_line:
            raise ConfigurationError(f"{path} has no lines: give CSV files or captures")
        if end:
            yield text[:end]
    if rest:
        yield rest + b"\n"
