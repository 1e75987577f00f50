"""Copies of a local stack's folder in one file; the way back checks each file's SHA-256."""

import fcntl
import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Final

from candlewick.backup_leftovers import remove_parts, remove_restored
from candlewick.backup_paths import MANIFEST, backed_up, stays, tops, within
from candlewick.stack.disk_room import NEEDED_MB, Room, is_full
from candlewick.stack.folder import StackFolder
from schemas.errors import ConfigurationError
from schemas.files import keep, whole_file

FORMAT: Final = 1
PIECE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Manifest:
    """The last member of a backup; without it the file was cut short.

    Attributes:
        format: Version of this layout.
        candlewick: Version of the program that made it.
        made_ms: When it was begun.
        size: Bytes of all files.
        sha256: Of each file, by its path in the data folder.
    """

    format: int
    candlewick: str
    made_ms: int
    size: int
    sha256: dict[str, str]


def size_of(folder: Path) -> int:
    """Return the bytes of what a backup of a data folder holds."""
    return sum(path.stat().st_size for _, path in backed_up(folder) if _is_file(path))


def write_backup(folder: Path, target: Path, *, size: int, program: str, made_ms: int) -> Manifest:
    """Copy a data folder, in which nothing may write meanwhile, into a tar file.

    Only its owner can read the file, since it has passwords in it.

    Args:
        folder: The data folder of a stack that is down.
        target: The file. It must not exist yet, and appears only when it is whole.
        size: Bytes to copy, as `size_of` tells.
        program: Version of this program.
        made_ms: The time.

    Raises:
        ConfigurationError: The target exists, lies in the folder, cannot be written, or its disk
            is too small. Or the folder has what cannot be restored.
    """
    if target.exists():
        raise ConfigurationError(f"{target} exists: choose another name, or remove it")
    copied = {folder.resolve(), *(place.resolve() for _, place in tops(folder))}
    if not copied.isdisjoint(target.resolve().parents):
        raise ConfigurationError(f"{target} lies in the data folder itself: choose a place outside")
    if not target.parent.is_dir():
        raise ConfigurationError(f"{target.parent} is no folder: make it first")
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    remove_parts(target)
    if part.exists():  # in another container, where the ids of processes are others
        raise ConfigurationError(f"another backup is writing {target}: let it end")
    _check_room(target.parent, size)
    try:
        with whole_file(target, part, mode=0o600) as file, _tar(file, "w") as tar:
            with suppress(OSError):  # a disk of another machine may know no locks
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found = {name: digest for name, digest in _copied(folder, tar) if digest}
            manifest = Manifest(FORMAT, program, made_ms, size, found)
            _add_manifest(tar, manifest)
    except OSError as error:
        raise _untold(target, error) from error
    return manifest


def read_backup(source: Path, folder: Path) -> Manifest:
    """Put a backup back as a data folder, which appears only when every file was found right.

    Args:
        source: What `write_backup` wrote.
        folder: The data folder to be. It must be missing or empty, and no mount point.

    Raises:
        ConfigurationError: The folder has something in it or is a mount point, the disk is too
            small, or the backup is cut short, damaged, or not one of ours.
    """
    # Nothing can be put in the place of a disk, and what lies beside it is on another one.
    if os.path.ismount(folder.resolve()):
        raise ConfigurationError(
            f"{folder} is a disk of its own, which no folder can replace: set CANDLEWICK_DATA_DIR "
            f"to a folder in it, for example {folder / 'candlewick'}"
        )
    if folder.exists() and any(folder.iterdir()):
        raise ConfigurationError(
            f"{folder} is not empty: move it away, or set CANDLEWICK_DATA_DIR to another folder"
        )
    folder = folder.resolve()  # a link to another disk stays, and what it leads to is there then
    # Next to its place, so that one step puts it there: who is killed before leaves no half one.
    fresh = folder.with_name(f"{folder.name}.{os.getpid()}.restored")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        remove_restored(folder)
        _check_room(folder.parent, source.stat().st_size)
        fresh.mkdir(mode=0o700)
        with StackFolder(fresh).held():
            manifest = _unpacked(source, fresh)
            if folder.exists():
                folder.rmdir()
            fresh.rename(folder)
            keep(folder.parent)
    except tarfile.TarError as error:
        raise _damaged(source, str(error)) from error
    except OSError as error:
        raise _untold(source, error) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return manifest


def _copied(folder: Path, tar: tarfile.TarFile) -> Iterator[tuple[str, str]]:
    """Add each path of a folder, and yield its name and hash; no hash if it is not a file."""
    for name, path in backed_up(folder):
        member = tar.gettarinfo(path, name)
        if not _is_file(path):
            tar.addfile(member)
            yield name, ""
            continue
        # Two names of one file become two files: ClickHouse links parts of which it makes others.
        member.type, member.linkname, member.size = tarfile.REGTYPE, "", path.stat().st_size
        with path.open("rb") as file:
            reader = _Hashed(file)
            tar.addfile(member, reader)
        yield name, reader.digest()


def _unpacked(source: Path, fresh: Path) -> Manifest:
    found: dict[str, str] = {}
    folders = {str(PurePosixPath())}
    with source.open("rb") as file, _tar(file, "r") as tar:
        for member in tar:
            if member.name == MANIFEST and member.isfile():
                manifest = _manifest(source, tar.extractfile(member))
                break
            if digest := _put(source, tar, member, fresh, folders):
                found[member.name] = digest
        else:
            raise _damaged(source, "its end is missing")
    differing = sorted(name for name, _ in found.items() ^ manifest.sha256.items())
    if differing:
        raise _damaged(source, f"{differing[0]} is not what was backed up")
    for name in folders:
        keep(fresh / name)
    return manifest


def _put(
    source: Path, tar: tarfile.TarFile, member: tarfile.TarInfo, fresh: Path, folders: set[str]
) -> str | None:
    """Write a member under a folder, and return its hash if it is a file.

    `folders` are those that were written before it: what is in none of them may lie behind a
    link. Python's own filter for this is not in every 3.11, and in some has been got round.
    """
    name = within(PurePosixPath(member.name))
    if name is None or str(name.parent) not in folders:
        raise _damaged(source, f"{member.name} lies outside of the data folder")
    place = fresh / name
    if member.isdir():
        place.mkdir(mode=member.mode & 0o777)
        folders.add(str(name))
    elif member.issym():
        if not stays(name, PurePosixPath(member.linkname)):
            raise _damaged(source, f"{member.linkname} lies outside of the data folder")
        place.symlink_to(member.linkname)
    elif member.isfile() and (packed := tar.extractfile(member)):
        reader = _Hashed(packed)
        with place.open("xb") as file:
            shutil.copyfileobj(reader, file, PIECE)
            file.flush()  # or what is left to write would give it the time of now
            place.chmod(member.mode & 0o777)
            os.utime(place, (member.mtime, member.mtime))  # Kafka removes segments by their age
            os.fsync(file.fileno())  # no backup may be thrown away for what a power cut takes
        return reader.digest()
    else:
        raise _damaged(source, f"{member.name} is neither a file nor a folder")
    return None


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _tar(file: IO[bytes], mode: str) -> tarfile.TarFile:
    # PAX headers hold times in fractions and names of any length.
    return tarfile.open(fileobj=file, mode="w" if mode == "w" else "r:", format=tarfile.PAX_FORMAT)


def _add_manifest(tar: tarfile.TarFile, manifest: Manifest) -> None:
    content = json.dumps(asdict(manifest)).encode()
    member = tarfile.TarInfo(MANIFEST)
    member.size, member.mtime, member.mode = len(content), manifest.made_ms // 1000, 0o600
    tar.addfile(member, io.BytesIO(content))


def _manifest(source: Path, file: IO[bytes] | None) -> Manifest:
    try:
        raw = json.loads(file.read() if file else b"")
        if raw["format"] > FORMAT:
            made_by = f"it was made by candlewick {raw['candlewick']}"
            raise ConfigurationError(f"{source} is newer than this program: {made_by}")
        return Manifest(**raw)
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(source, "its list of files cannot be read") from error


def _check_room(folder: Path, size: int) -> None:
    free_mb, needed_mb = Room(folder).free_mb(), size / 1e6 + NEEDED_MB
    if free_mb < needed_mb:
        raise ConfigurationError(
            f"the disk of {folder} is too small: {free_mb:,.0f} MB are free and "
            f"{needed_mb:,.0f} MB are needed; make room, or choose a folder on another disk"
        )


def _damaged(source: Path, why: str) -> ConfigurationError:
    return ConfigurationError(f"{source} is not a whole backup, {why}: take another one")


def _untold(path: Path, error: OSError) -> ConfigurationError:
    if is_full(error):
        return ConfigurationError(f"the disk became full on the way ({path}): make room")
    said = f"{error.filename or path}: {error.strerror or error}"
    return ConfigurationError(f"{said}; check the path and its permissions")


class _Hashed:
    """A file to read from, whose hash is known when it has been read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Return up to so many bytes."""
        piece = self._file.read(size)
        self._hash.update(piece)
        return piece

    def digest(self) -> str:
        """Return the SHA-256 of what was read."""
        return self._hash.hexdigest()
