"""Start of an official CSV file: an optional byte order mark and an optional header line."""

import io
import re
from typing import Final

from schemas.errors import PoisonMessage

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
LONGEST_LINE: Final = 4096  # official lines have less than 200 bytes
_NAME: Final = re.compile(rb'\s*"?[A-Za-z_][A-Za-z0-9_ .]*"?\s*')


def is_header(line: bytes) -> bool:
    """Check whether every cell of a line is a column name; a damaged row still has numbers."""
    return all(_NAME.fullmatch(cell) for cell in line.split(b","))


def skip_start(stream: io.BufferedReader) -> None:
    """Skip the byte order mark and the header, if there are any.

    Raises:
        PoisonMessage: The first line is longer than 4,096 bytes.
    """
    if stream.peek(len(BYTE_ORDER_MARK)).startswith(BYTE_ORDER_MARK):
        stream.read(len(BYTE_ORDER_MARK))
    line, end, _ = stream.peek(LONGEST_LINE)[: LONGEST_LINE + 1].partition(b"\n")
    if not end and len(line) > LONGEST_LINE:
        raise PoisonMessage("the first line has no end", raw=b"")
    if line and is_header(line):
        stream.read(len(line) + len(end))
