"""What a folder of exported files holds: a line of JSON for each file that was finished.

A line is written after its file is in place, so a file without one is made again. The newest line
of a file counts. A line that a power cut has left half is passed over.
"""

import json
import os
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

NAME: Final = "manifest.jsonl"


@dataclass(frozen=True, slots=True)
class Content:
    """The rows of a file.

    Attributes:
        digest: Sum of the rows' cityHash64, modulo 2**64, in hexadecimal digits.
        first_ms: Earliest time of a row.
        last_ms: Latest time of a row; -1 in a line that an older version wrote.
    """

    rows: int
    digest: str
    first_ms: int
    last_ms: int = -1


@dataclass(frozen=True, slots=True)
class Entry:
    """A finished file, relative to the folder, and its size in bytes."""

    file: str
    size: int
    content: Content


class Verdict(StrEnum):
    """What becomes of a file."""

    MADE = "made"
    UNCHANGED = "unchanged"  # the store holds what the file holds
    KEPT = "kept"  # the store has deleted rows that the file has
    BEHIND = "behind"  # kept too, and the store has later rows that the file lacks


def verdict(entry: Entry | None, held: Content) -> Verdict:
    """Return what to do with a file.

    >>> old = Entry("f", 9, Content(rows=3, digest="a", first_ms=5))
    >>> verdict(old, Content(rows=4, digest="b", first_ms=5)).value
    'made'
    >>> verdict(old, Content(rows=3, digest="c", first_ms=7)).value
    'kept'
    >>> old = Entry("f", 9, Content(rows=3, digest="a", first_ms=5, last_ms=9))
    >>> verdict(old, Content(rows=8, digest="d", first_ms=7, last_ms=10)).value
    'behind'
    """
    if entry is None:
        return Verdict.MADE
    known_ms = entry.content.last_ms
    if entry.content == (held if known_ms >= 0 else replace(held, last_ms=known_ms)):
        return Verdict.UNCHANGED
    is_cut = held.rows < entry.content.rows or held.first_ms > entry.content.first_ms
    if not is_cut:
        return Verdict.MADE
    return Verdict.BEHIND if held.last_ms > known_ms >= 0 else Verdict.KEPT


class Manifest:
    """The manifest of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / NAME
        self._entries: dict[str, Entry] = {}
        if self._path.exists():
            lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines()
            self._entries = {e.file: e for line in lines if (e := _entry(line)) is not None}

    def find(self, file: str) -> Entry | None:
        """Return the entry of a file that is still there as it was finished."""
        entry = self._entries.get(file)
        try:
            is_there = entry is not None and (self._folder / file).stat().st_size == entry.size
        except OSError:
            is_there = False
        return entry if is_there else None

    def add(self, entry: Entry) -> None:
        """Write the line of a file that is in place now."""
        with self._path.open("ab") as file:
            # After a line that a power cut has left half, a new one begins.
            start = b"" if file.tell() == 0 or self._ends_whole() else b"\n"
            file.write(start + json.dumps(asdict(entry), ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._entries[entry.file] = entry

    def _ends_whole(self) -> bool:
        with self._path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"


def _entry(line: str) -> Entry | None:
    try:
        found = json.loads(line)
        return Entry(str(found["file"]), int(found["size"]), Content(**found["content"]))
    except (ValueError, KeyError, TypeError):
        return None
