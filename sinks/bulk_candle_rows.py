"""Conversion of many candle messages to rows at once, without a loop over messages. Pure.

Numbers are read eight bytes at a time. An unusual message is left to `sinks.tables`, which reads
one at a time: there `schemas.validation` reports the fault. A property test shows that every
message accepted here is accepted there. Source: Apache Avro 1.11 specification, "Binary encoding";
ClickHouse documentation, "RowBinary".
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from schemas.contracts import contract_of
from schemas.market import FIRST_REVISION, NO_TRADE_ID, Candle, CandleSource, CandleStatus
from schemas.ragged import Part, rows_of
from schemas.rules.checks import EARLIEST_MS, LARGEST_AMOUNT_E8, LATEST_MS
from schemas.timeframe import Interval
from sinks.row_binary import NULL

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FRAME: Final = 5  # a zero byte and the schema's id
_WORD: Final = 8
_DECIMAL: Final = 16  # bytes of the longest amount: two words
_TOP_BIT: Final = 0x80
_BEYOND: Final = bytes(2048)  # a malformed message may point this far past its end
_ALPHANUMERIC: Final = np.array([chr(byte).isalnum() and byte < _TOP_BIT for byte in range(256)])
_U64: Final = np.uint64
_LARGEST_WORDS: Final = LARGEST_AMOUNT_E8 >> 64, _U64(LARGEST_AMOUNT_E8 % 2**64)
_FRAME_BITS: Final = _U64(2 ** (8 * _FRAME) - 1)
_TOP_BITS: Final = _U64(0x8080808080808080)
# Joins seven bits of each byte to fourteen, then to 28, then to 56: the bits that stay, the bits
# that move down, and the distance.
_CLOSE_UP: Final = (
    (_U64(0x007F007F007F007F), _U64(0x7F007F007F007F00), _U64(1)),
    (_U64(0x00003FFF00003FFF), _U64(0x3FFF00003FFF0000), _U64(2)),
    (_U64(0x000000000FFFFFFF), _U64(0x0FFFFFFF00000000), _U64(4)),
)


def candle_rows(messages: list[bytes]) -> list[bytes | None]:
    """Convert each message to its row; None for a message that must be read by itself."""
    if not messages:
        return []
    cursor = _Cursor.at_start(messages)
    cursor.expect(b"\x00" + contract_of(Candle).schema_id.to_bytes(4))
    symbol, interval = cursor.text(), cursor.text()
    open_ms, close_ms = cursor.long(), cursor.long()
    prices = [cursor.decimal() for _ in range(4)]
    volumes = [cursor.decimal() for _ in range(2)]
    count = cursor.long()
    volumes += [cursor.decimal() for _ in range(2)]
    ids = cursor.long(), cursor.long()
    variation = cursor.null()
    status, revision, source, event_ms = cursor.text(), cursor.long(), cursor.text(), cursor.long()
    cursor.require(_is_symbol(symbol))
    length_ms, origin_ms = _grid_of(interval)
    cursor.require(close_ms - open_ms == length_ms)
    # The length of a malformed candle may be zero, which must not divide.
    cursor.require((open_ms - origin_ms) % np.maximum(close_ms - open_ms, 1) == 0)
    cursor.require(_in_time(open_ms) & _in_time(event_ms))
    cursor.require(_in_order(*prices))
    for volume in volumes:
        cursor.require(_is_amount(volume))
    cursor.require((count >= 0) & (ids[0] == NO_TRADE_ID) & (ids[1] == NO_TRADE_ID))
    cursor.require(_is_one_of(status, (CandleStatus.OFFICIAL,)) & _is_one_of(source, CandleSource))
    cursor.require((revision >= 0) & (revision <= FIRST_REVISION))
    parts = [
        *(symbol, interval, _little_endian(open_ms), _little_endian(close_ms)),
        *map(_little_endian, (*prices, *volumes[:2], count, *volumes[2:], *ids)),
        *(variation, status, _little_endian(revision.astype(np.int32)), source),
        _little_endian(event_ms),
    ]
    good = cursor.finished().tolist()
    rows = rows_of(parts, len(messages))
    return [row if is_good else None for row, is_good in zip(rows, good, strict=True)]


def _is_symbol(text: Part) -> "NDArray[np.bool_]":
    letters = text.data[:, 1:]
    inside = np.arange(letters.shape[1]) < text.data[:, :1]
    alphanumeric = _ALPHANUMERIC[letters] | ~inside
    found: NDArray[np.bool_] = alphanumeric.all(axis=1) & (text.data[:, 0] > 0)
    return found


def _grid_of(interval: Part) -> tuple["NDArray[np.int64]", "NDArray[np.int64]"]:
    lengths = np.full(len(interval.data), -1, np.int64)
    origins = np.zeros(len(interval.data), np.int64)
    for known in Interval:
        is_known = _is_one_of(interval, (known,))
        lengths[is_known], origins[is_known] = known.ms, known.origin_ms
    return lengths, origins


def _is_one_of(text: Part, words: Iterable[str]) -> "NDArray[np.bool_]":
    found = np.zeros(len(text.data), np.bool_)
    for word in words:
        expected = bytes([len(word)]) + word.encode()
        if len(expected) <= text.data.shape[1]:
            letters = text.data[:, : len(expected)]
            found |= (letters == np.frombuffer(expected, np.uint8)).all(axis=1)
    return found


def _is_amount(words: "NDArray[np.int64]") -> "NDArray[np.bool_]":
    low, high = words[:, 0].view(np.uint64), words[:, 1]
    most_high, most_low = _LARGEST_WORDS
    is_below: NDArray[np.bool_] = (high < most_high) | ((high == most_high) & (low <= most_low))
    return (high >= 0) & is_below


def _in_time(time_ms: "NDArray[np.int64]") -> "NDArray[np.bool_]":
    return (time_ms >= EARLIEST_MS) & (time_ms < LATEST_MS)


def _in_order(*prices: "NDArray[np.int64]") -> "NDArray[np.bool_]":
    opened, high, low, close = (price[:, 0] for price in prices)
    found = (low > 0) & (low <= np.minimum(opened, close)) & (np.maximum(opened, close) <= high)
    for price in prices:
        found &= price[:, 1] == 0
    return found


@dataclass(slots=True)
class _Cursor:
    """A position in each of n messages, which are stored one after the other.

    Attributes:
        data: uint8, the bytes of all messages.
        words: uint64, the eight bytes from each position on, little-endian.
        at: int64[n], position of the next byte of each message.
        ends: int64[n], end of each message.
        good: bool[n], whether the message has been as expected so far.
    """

    data: "NDArray[np.uint8]"
    words: "NDArray[np.uint64]"
    at: "NDArray[np.int64]"
    ends: "NDArray[np.int64]"
    good: "NDArray[np.bool_]"

    @classmethod
    def at_start(cls, messages: list[bytes]) -> "_Cursor":
        ends = np.cumsum(np.fromiter(map(len, messages), np.int64, len(messages)))
        held = b"".join((*messages, _BEYOND))
        # Overlapping words, one from each byte on: a number is read where it begins, whatever its
        # length, and the bytes after it are cut off.
        words = np.ndarray((len(held) - _WORD + 1,), "<u8", held, strides=(1,))
        starts = np.concatenate([np.zeros(1, np.int64), ends[:-1]])
        good = np.ones(len(messages), np.bool_)
        return cls(np.frombuffer(held, np.uint8), words, starts, ends, good)

    def expect(self, frame: bytes) -> None:
        wanted = _U64(int.from_bytes(frame, "little"))
        self.good &= (self.words[self.at] & _FRAME_BITS) == wanted
        self.at = self.at + _FRAME

    def finished(self) -> "NDArray[np.bool_]":
        found: NDArray[np.bool_] = self.good & (self.at == self.ends)
        return found

    def text(self) -> Part:
        length = self._length()
        width = int(length.max(initial=0))
        data = np.empty((len(length), width + 1), np.uint8)
        data[:, 0] = length
        data[:, 1:] = self.data[self.at[:, None] + np.arange(width)]
        self.at = self.at + length
        if int(length.min(initial=width)) == width:
            self.good &= ~(data >= _TOP_BIT).any(axis=1)
            return Part.fixed(data)
        counts = np.arange(width + 1) <= length[:, None]
        self.good &= ~((data >= _TOP_BIT) & counts).any(axis=1)
        return Part(data, counts)

    def require(self, is_so: "NDArray[np.bool_]") -> None:
        self.good &= is_so

    def decimal(self) -> "NDArray[np.int64]":
        """Read decimals as int64[n, 2], low and high words."""
        length = self._length()
        self.good &= (length > 0) & (length <= _DECIMAL)
        first = self._big_endian(self.at)
        # Read big-endian, a number is in the top bytes of the word; a shift down extends its sign.
        low = first >> (8 * (_WORD - length.clip(1, _WORD)))
        high = low >> (8 * _WORD - 1)  # the sign alone
        long = length > _WORD
        if long.any():
            low = np.where(long, self._big_endian(self.at + length - _WORD), low)
            high = np.where(
                long, first >> (8 * (_DECIMAL - length.clip(_WORD + 1, _DECIMAL))), high
            )
        self.at = self.at + length
        return np.stack([low, high], axis=1)

    def null(self) -> Part:
        self.good &= self.data[self.at] == 0
        self.at = self.at + 1
        return Part.constant(NULL)

    def _length(self) -> "NDArray[np.int64]":
        first = self.data[self.at].astype(np.int64)
        # Zigzag: an even code stands for its half, not negative; one byte encodes up to 63.
        self.good &= (first < _TOP_BIT) & (first % 2 == 0)
        self.at = self.at + 1
        return (first % _TOP_BIT) // 2

    def long(self) -> "NDArray[np.int64]":
        """Read integers of up to eight bytes, below 2^55; candles have no longer ones."""
        word = self.words[self.at]
        stops = ~word & _TOP_BITS  # the last byte of a number is the first without its top bit
        self.good &= stops != 0
        stop = stops & (~stops + _U64(1))  # the lowest bit that is set
        own = stop ^ (stop - _U64(1))  # that bit and all below: the number's own bytes
        bits = word & own & ~_TOP_BITS
        for stays, moves, down in _CLOSE_UP:
            bits = (bits & stays) | ((bits & moves) >> down)
        self.at = self.at + (np.bitwise_count(own) >> 3)
        half = (bits >> _U64(1)).view(np.int64)  # zigzag: the lowest bit is the sign
        return half ^ -(bits & _U64(1)).view(np.int64)

    def _big_endian(self, at: "NDArray[np.int64]") -> "NDArray[np.int64]":
        return self.words[at].byteswap().view(np.int64)


def _little_endian(values: "NDArray[np.int64] | NDArray[np.int32]") -> Part:
    plain = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    return Part.fixed(plain.view(np.uint8).reshape(len(values), -1))
