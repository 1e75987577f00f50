"""Encoders of single values in ClickHouse's RowBinary format.

Source: ClickHouse documentation, "RowBinary": integers little-endian, a decimal as its integer of 8
or 16 bytes, DateTime64(3) as int64 milliseconds, a string after its length (LEB128), a nullable
value after one byte that is 1 for null.
"""

from collections.abc import Callable
from typing import TypeVar

NULL = b"\x01"
VALUE = b"\x00"
_UNKNOWN_MS = -1
ValueT = TypeVar("ValueT")


def string(text: str) -> bytes:
    """Encode a String: its length in bytes, then its UTF-8."""
    data = text.encode()
    length, prefix = len(data), bytearray()
    while length > 0x7F:  # noqa: PLR2004 - seven bits a byte
        prefix.append(length & 0x7F | 0x80)
        length >>= 7
    prefix.append(length)
    return bytes(prefix) + data


def int32(number: int) -> bytes:
    """Encode an Int32; raises OverflowError if it does not fit."""
    return number.to_bytes(4, "little", signed=True)


def int64(number: int) -> bytes:
    """Encode an Int64; raises OverflowError if it does not fit."""
    return number.to_bytes(8, "little", signed=True)


def decimal(number: int) -> bytes:
    """Encode a Decimal(38, n), given in units of 10^-n; raises OverflowError past 128 bits."""
    return number.to_bytes(16, "little", signed=True)


def time(time_ms: int) -> bytes:
    """Encode a DateTime64(3) from UTC epoch milliseconds."""
    return int64(time_ms)


def time_or_null(time_ms: int) -> bytes:
    """Encode a nullable DateTime64(3); -1 becomes null."""
    return NULL if time_ms == _UNKNOWN_MS else VALUE + time(time_ms)


def nullable(value: ValueT | None, write: Callable[[ValueT], bytes]) -> bytes:
    """Encode a nullable value; None becomes null."""
    return NULL if value is None else VALUE + write(value)
