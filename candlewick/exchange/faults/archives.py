"""Faulty archive files: damaged in transit, before the checksum, re-issued, or with wrong ids."""

import io
import zipfile
from collections.abc import Callable
from decimal import Decimal
from typing import Final

Lines = list[bytes]
_TRADE_CELLS: Final = 8
_E8: Final = Decimal("1e-8")


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
    if not lines:
        return lines
    cells = lines[0].split(b",")
    if len(cells) == _TRADE_CELLS:
        cells[2] = f"{Decimal(cells[2].decode()) + _E8:.8f}".encode()  # or the quantity
    else:
        cells[8] = str(int(cells[8]) + 1).encode()  # the number of trades was corrected
    return [b",".join(cells), *lines[1:]]


def _ids_back(lines: Lines) -> Lines:
    if not _are_two_trades(lines):
        return lines
    return [lines[0], *lines[2:3], lines[1], *lines[3:]]


def _are_two_trades(lines: Lines) -> bool:
    return len(lines) > 1 and lines[0].count(b",") == _TRADE_CELLS - 1


def _trade_twice(lines: Lines) -> Lines:
    if not _are_two_trades(lines):
        return lines
    cells = lines[1].split(b",")
    cells[3] = str(int(cells[3]) - 1).encode()  # its first trade is the last one of the row before
    return [lines[0], b",".join(cells), *lines[2:]]


_CHANGES = {"reissued": _reissued, "ids-back": _ids_back, "trade-twice": _trade_twice}
