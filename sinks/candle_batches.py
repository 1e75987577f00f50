"""Many messages with candles to their rows at once, without a loop over them. Pure.

What is not as the exchange's candles always are is left to `sinks.tables.read_candle`, which says
why it cannot be read, or reads it. Source: Apache Avro 1.11 specification, "Binary encoding";
ClickHouse documentation, "RowBinary".
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from schemas.contracts import contract_of
from schemas.market import Candle
from schemas.ragged import Part, rows_of
from sinks.row_binary import END_OF_TIME_MS, NULL

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FRAME: Final = 5
_LONGEST: Final = 10
_DECIMAL: Final = 16
_TOP_BIT: Final = 0x80
_BEYOND: Final = bytes(2048)  # what is no candle may point so far past its end
_INT32: Final = 2**31


def candle_rows(messages: list[bytes]) -> list[bytes | None]:
    """Return the row of each message; None for one that has to be read by itself."""
    if not messages:
        return []
    cursor = _Cursor.at_start(messages)
    cursor.expect(b"\x00" + contract_of(Candle).schema_id.to_bytes(4))
    parts = [
        cursor.text(),
        cursor.text(),
        cursor.time(),
        cursor.time(),
        *(cursor.decimal() for _ in range(6)),
        cursor.int64(),
        cursor.decimal(),
        cursor.decimal(),
        cursor.int64(),
        cursor.int64(),
        cursor.null(),
        cursor.text(),
        cursor.int32(),
        cursor.text(),
        cursor.time(),
    ]
    good = cursor.finished().tolist()
    rows = rows_of(parts, len(messages))
    return [row if is_good else None for row, is_good in zip(rows, good, strict=True)]


@dataclass(slots=True)
class _Cursor:
    """A place in each of n messages that lie one behind the other.

    Attributes:
        at: int64[n], next byte of each.
        good: bool[n], whether all has been as expected.
    """

    data: "NDArray[np.uint8]"
    at: "NDArray[np.int64]"
    ends: "NDArray[np.int64]"
    good: "NDArray[np.bool_]"

    @classmethod
    def at_start(cls, messages: list[bytes]) -> "_Cursor":
        ends = np.cumsum(np.fromiter(map(len, messages), np.int64, len(messages)))
        data = np.frombuffer(b"".join((*messages, _BEYOND)), np.uint8)
        starts = np.concatenate([np.zeros(1, np.int64), ends[:-1]])
        return cls(data, starts, ends, np.ones(len(messages), np.bool_))

    def expect(self, frame: bytes) -> None:
        found = self._bytes(self.at, _FRAME)
        self.good &= (found == np.frombuffer(frame, np.uint8)).all(axis=1)
        self.at = self.at + _FRAME

    def finished(self) -> "NDArray[np.bool_]":
        found: NDArray[np.bool_] = self.good & (self.at == self.ends)
        return found

    def text(self) -> Part:
        length = self._length()
        width = int(length.max(initial=0))
        data = np.empty((len(length), width + 1), np.uint8)
        data[:, 0] = length
        data[:, 1:] = self._bytes(self.at, width)
        counts = np.arange(width + 1) <= length[:, None]
        self.good &= ~((data[:, 1:] >= _TOP_BIT) & counts[:, 1:]).any(axis=1)
        self.at = self.at + length
        return Part(data, counts)

    def decimal(self) -> Part:
        length = self._length()
        self.good &= (length > 0) & (length <= _DECIMAL)
        found = self._bytes(self.at + length - _DECIMAL, _DECIMAL)
        sign = np.where(self.data[self.at] >= _TOP_BIT, 0xFF, 0).astype(np.uint8)
        beyond = np.arange(_DECIMAL) < (_DECIMAL - length)[:, None]
        self.at = self.at + length
        return Part.fixed(np.where(beyond, sign[:, None], found)[:, ::-1])

    def int64(self) -> Part:
        return _little_endian(self._long())

    def int32(self) -> Part:
        value = self._long()
        self.good &= (value >= -_INT32) & (value < _INT32)
        return _little_endian(value.astype(np.int32))

    def time(self) -> Part:
        value = self._long()
        self.good &= (value >= 0) & (value < END_OF_TIME_MS)
        return _little_endian(value)

    def null(self) -> Part:
        self.good &= self.data[self.at] == 0
        self.at = self.at + 1
        return Part.constant(NULL)

    def _length(self) -> "NDArray[np.int64]":
        first = self.data[self.at].astype(np.int64)
        self.good &= (first < _TOP_BIT) & (first % 2 == 0)
        self.at = self.at + 1
        return (first % _TOP_BIT) // 2

    def _long(self) -> "NDArray[np.int64]":
        found = self._bytes(self.at, _LONGEST)
        last = found < _TOP_BIT
        self.good &= last.any(axis=1)
        length = last.argmax(axis=1) + 1
        width = int(length.max(initial=1))
        digits = (found[:, :width] & 0x7F).astype(np.uint64)
        digits[np.arange(width) >= length[:, None]] = 0
        # Seven bits a byte; the tenth holds one, and more would be lost.
        self.good &= (length < _LONGEST) | (found[:, -1] <= 1)
        zigzag = np.zeros(len(length), np.uint64)
        for place in range(width):
            zigzag |= digits[:, place] << np.uint64(7 * place)
        self.at = self.at + length
        half = (zigzag >> np.uint64(1)).astype(np.int64)
        return half ^ -(zigzag & np.uint64(1)).astype(np.int64)

    def _bytes(self, start: "NDArray[np.int64]", count: int) -> "NDArray[np.uint8]":
        found: NDArray[np.uint8] = self.data[start[:, None] + np.arange(count)]
        return found


def _little_endian(values: "NDArray[np.int64] | NDArray[np.int32]") -> Part:
    size = values.dtype.itemsize
    plain = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    return Part.fixed(plain.view(np.uint8).reshape(-1, size))
