"""How an official CSV file starts: perhaps with a byte order mark, perhaps with a header line."""

import io
import re
from typing import Final

from schemas.errors import PoisonMessage

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
LONGEST_LINE: Final = 4096  # official lines have less than 200 bytes
_NAME: Final = re.compile(rb'\s*"?[A-Za-z_][A-Za-z0-9_ .]*"?\s*')


def is_header(line: bytes) -> bool:
    """Tell whether every cell of a line names a column; a damaged row still has numbers."""
    return all(_NAME.fullmatch(cell) for cell in line.split(b","))


def skip_start(stream: io.BufferedReader) -> None:
    """Move to the first row.

    Raises:
        PoisonMessage: The first line does not end.
    """
    if stream.peek(len(BYTE_ORDER_MARK)).startswith(BYTE_ORDER_MARK):
        stream.read(len(BYTE_ORDER_MARK))
    line, end, _ = stream.peek(LONGEST_LINE)[: LONGEST_LINE + 1].partition(b"\n")
    if not end and len(line) > LONGEST_LINE:
        raise PoisonMessage("the first line has no end", raw=b"")
    if line and is_header(line):
        stream.read(len(line) + len(end))
