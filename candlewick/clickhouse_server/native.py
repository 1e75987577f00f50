"""Parts of the Native format: numbers, texts, and the block that stands for an empty result."""

import json
from collections.abc import Mapping
from typing import BinaryIO, Final

from candlewick.clickhouse_server.handle import Handle
from candlewick.clickhouse_server.statement import Statement

_MORE: Final = 0x80  # the bit that says that another byte follows


def empty_block(handle: Handle, statement: Statement, parameters: Mapping[str, str]) -> bytes:
    """Return the names and types of a SELECT's columns, of which chDB sends nothing without rows.

    Source: ClickHouse, docs/interfaces/specs/NativeFormat, revision 0.
    """
    level = [token for token in statement.tokens if not token.depth]
    ends = [token.start for token in level if token.word == "FORMAT"]
    select = statement.sql[: ends[-1]] if statement.format and ends else statement.sql
    described = handle.query(
        b"DESCRIBE TABLE (" + select + b"\n)", "JSONCompactStringsEachRow", parameters
    )
    if described is None:
        return b""
    columns = [json.loads(line)[:2] for line in described.bytes().splitlines()]
    return varint(len(columns)) + b"\0" + b"".join(text(n) + text(t) for n, t in columns)


def text(value: str) -> bytes:
    """Return a text with its length in front."""
    raw = value.encode()
    return varint(len(raw)) + raw


def varint(number: int) -> bytes:
    """Return a number of no more bytes than it needs, seven bits a byte."""
    out = bytearray()
    while number >= _MORE:
        out.append(number % _MORE | _MORE)
        number >>= 7
    out.append(number)
    return bytes(out)


def read_text(source: BinaryIO) -> str:
    """Read what `text` wrote."""
    return source.read(read_varint(source)).decode()


def read_varint(source: BinaryIO) -> int:
    """Read what `varint` wrote."""
    number, shift = 0, 0
    while True:
        (byte,) = source.read(1)
        number |= (byte % _MORE) << shift
        if byte < _MORE:
            return number
        shift += 7
