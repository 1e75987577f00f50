"""The first question of clickhouse-go, answered in the form that the driver reads it in.

Since 2.43 the driver reads this one block at the protocol revision that it sends as
``client_protocol_version``. The engine writes Native at revision 0 only, so the answer names 0, and
the driver reads all later blocks so.

Source: clickhouse-go, ``conn_http.go``; ClickHouse, ``NativeWriter.cpp`` and ``ProtocolDefines.h``.
"""

from io import BytesIO
from typing import Final

from candlewick.clickhouse_server.native import read_text, read_varint, text, varint

_QUESTION: Final = b"SELECT displayName(), version(), revision()"
_WITH_BLOCK_INFO: Final = 1
_WITH_SERIALIZATION: Final = 54454
# Field 1: not of overflow rows. Field 2: bucket -1, none. 0 ends the fields.
_BLOCK_INFO: Final = b"\x01\x00\x02\xff\xff\xff\xff\x00"
_DEFAULT_SERIALIZATION: Final = b"\x00"
_WIDTHS: Final = {"UInt32": 4}


def is_hello(sql: bytes) -> bool:
    """Return whether a statement is the driver's first question."""
    return sql.startswith(_QUESTION)


def as_revision_0(sql: bytes) -> bytes:
    """Return the question in a form whose answer names revision 0."""
    return sql.replace(b"revision()", b"toUInt32(0)", 1)


def at_revision(block: bytes, revision: int) -> bytes:
    """Return the answer, one block of revision 0, as a client of this revision reads it."""
    source, out = BytesIO(block), BytesIO()
    if revision >= _WITH_BLOCK_INFO:
        out.write(_BLOCK_INFO)
    columns, rows = read_varint(source), read_varint(source)
    out.write(varint(columns) + varint(rows))
    for _ in range(columns):
        name, type_ = read_text(source), read_text(source)
        out.write(text(name) + text(type_))
        if revision >= _WITH_SERIALIZATION:
            out.write(_DEFAULT_SERIALIZATION)
        for _ in range(rows):
            width = _WIDTHS.get(type_)
            out.write(source.read(width) if width else text(read_text(source)))
    return out.getvalue()
