"""The block without rows that stands for an empty result in the Native format."""

import json
from collections.abc import Mapping
from typing import Final

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
    return _varint(len(columns)) + b"\0" + b"".join(_text(n) + _text(t) for n, t in columns)


def _text(value: str) -> bytes:
    raw = value.encode()
    return _varint(len(raw)) + raw


def _varint(number: int) -> bytes:
    out = bytearray()
    while number >= _MORE:
        out.append(number % _MORE | _MORE)
        number >>= 7
    out.append(number)
    return bytes(out)
