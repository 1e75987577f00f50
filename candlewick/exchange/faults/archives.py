"""Faulty archive files: damaged in transit, before the checksum, re-issued, or with wrong ids."""

import io
import zipfile
from collections.abc import Callable

Lines = list[bytes]


def damaged(body: bytes, how: str, *, checksum: bool) -> bytes:
    """Return the bytes to send, or with `checksum` the bytes to compute the checksum of."""
    if how in _CHANGES:
        return _changed(body, _CHANGES[how])
    if how == "cut-before-checksum":
        return body[: len(body) // 2]
    if checksum:
        return body
    if how == "truncated":
        return body[: len(body) // 2]
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]


def _changed(body: bytes, change: Callable[[Lines], Lines]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(body)) as old:
        about = old.infolist()[0]
        lines = old.read(about).splitlines(keepends=True)
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as new:
        new.writestr(about, b"".join(change(lines)))
    return held.getvalue()


def _reissued(lines: Lines) -> Lines:
    cells = lines[0].split(b",")
    cells[8] = str(int(cells[8]) + 1).encode()  # the number of trades was corrected
    return [b",".join(cells), *lines[1:]]


def _ids_back(lines: Lines) -> Lines:
    return [lines[0], *lines[2:3], lines[1], *lines[3:]]


def _trade_twice(lines: Lines) -> Lines:
    cells = lines[1].split(b",")
    cells[3] = str(int(cells[3]) - 1).encode()  # its first trade is the last one of the row before
    return [lines[0], b",".join(cells), *lines[2:]]


_CHANGES = {"reissued": _reissued, "ids-back": _ids_back, "trade-twice": _trade_twice}
