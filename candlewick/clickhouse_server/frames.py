"""ClickHouse's own compressed blocks, for ``compress=1`` and ``decompress=1``.

A block is a checksum (16 bytes, CityHash128 of all that follows), the method (1), its own size
without the checksum (4), the size of the uncompressed data (4), and the compressed bytes.

Source: ClickHouse, src/Compression/CompressedReadBufferBase.cpp and CompressionInfo.h.
"""

from collections.abc import Iterable, Iterator
from struct import Struct
from typing import Final

import lz4.block
import zstandard
from clickhouse_cityhash.cityhash import CityHash128

from candlewick.clickhouse_server.errors import CANNOT_DECOMPRESS, CHECKSUM_DOESNT_MATCH, refused

_CHECKSUM: Final = Struct("<QQ")
_CHECKSUM_BYTES: Final = _CHECKSUM.size
_HALF: Final = (1 << 64) - 1
_HEADER: Final = Struct("<BII")
_PLAIN: Final = 0x02
_LZ4: Final = 0x82
_ZSTD: Final = 0x90
_LARGEST_BYTES: Final = 64 << 20  # ClickHouse writes blocks of one megabyte
_PIECE_BYTES: Final = 1 << 20


class FrameEncoder:
    """Encodes a body as LZ4 blocks."""

    def compress(self, data: bytes, /) -> bytes:
        """Encode a piece as one or more blocks."""
        starts = range(0, len(data), _PIECE_BYTES)
        return b"".join(_framed(data[start : start + _PIECE_BYTES]) for start in starts)

    def flush(self) -> bytes:
        """Return nothing: every block is complete already."""
        return b""


def unframed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Decode the blocks of a body.

    Raises:
        QueryError: A checksum does not match (40), or a block is incomplete or broken (271).
    """
    held = bytearray()
    for piece in pieces:
        held += piece
        while (end := _end_of_block(held)) <= len(held):
            yield _unpacked(bytes(held[:end]))
            del held[:end]
    if held:
        raise refused(CANNOT_DECOMPRESS, "The body ends inside a compressed block.")


def checksum(data: bytes) -> bytes:
    """Return the checksum of a block: CityHash128 1.0.2, the version that ClickHouse froze."""
    found = CityHash128(data)
    # ClickHouse writes the number as two little-endian halves, the upper one first.
    return _CHECKSUM.pack(found >> 64, found & _HALF)


def _framed(data: bytes) -> bytes:
    packed = bytes(lz4.block.compress(data, store_size=False))
    block = _HEADER.pack(_LZ4, len(packed) + _HEADER.size, len(data)) + packed
    return checksum(block) + block


def _end_of_block(held: bytearray) -> int:
    if len(held) < _CHECKSUM_BYTES + _HEADER.size:
        return len(held) + 1
    _, packed_bytes, bytes_ = _HEADER.unpack_from(held, _CHECKSUM_BYTES)
    if not _HEADER.size <= packed_bytes <= _LARGEST_BYTES or bytes_ > _LARGEST_BYTES:
        raise refused(CANNOT_DECOMPRESS, "The body is not made of compressed blocks.")
    return _CHECKSUM_BYTES + int(packed_bytes)


def _unpacked_zstd(packed: bytes, size: int) -> bytes:
    # zstandard would trust the size in the frame itself, however large.
    if zstandard.frame_content_size(packed) not in {-1, size}:
        raise zstandard.ZstdError("its two sizes differ")
    return bytes(zstandard.ZstdDecompressor().decompress(packed, max_output_size=size))


def _unpacked(block: bytes) -> bytes:
    if checksum(block[_CHECKSUM_BYTES:]) != block[:_CHECKSUM_BYTES]:
        raise refused(CHECKSUM_DOESNT_MATCH, "Checksum doesn't match: corrupted data.")
    method, _, size = _HEADER.unpack_from(block, _CHECKSUM_BYTES)
    packed = block[_CHECKSUM_BYTES + _HEADER.size :]
    try:
        if method == _LZ4:
            return bytes(lz4.block.decompress(packed, uncompressed_size=size))
        if method == _ZSTD:
            return _unpacked_zstd(packed, size)
    except (lz4.block.LZ4BlockError, zstandard.ZstdError) as error:
        raise refused(CANNOT_DECOMPRESS, f"A compressed block is broken: {error}.") from error
    if method == _PLAIN:
        return packed
    raise refused(CANNOT_DECOMPRESS, f"Unknown compression method {method:#x}.")
