"""HTTP content codings, both ways and piece by piece: lz4, zstd, gzip, deflate."""

import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final, Protocol

import lz4.frame
import zstandard

from candlewick.clickhouse_server.errors import CANNOT_DECOMPRESS, NOT_IMPLEMENTED, refused


class Decoder(Protocol):
    """Reads one frame of a coding."""

    @property
    def eof(self) -> bool:
        """The frame is complete."""

    @property
    def unused_data(self) -> bytes | None:
        """What came behind the frame."""

    def decompress(self, data: bytes, /) -> bytes:
        """Read a piece."""


class Encoder(Protocol):
    """Writes one frame of a coding."""

    def compress(self, data: bytes, /) -> bytes:
        """Write a piece; what comes out may lag behind."""

    def flush(self) -> bytes:
        """End the frame."""


class _Lz4:
    """lz4's compressor, with its frame header written before the first piece."""

    def __init__(self) -> None:
        self._frame = lz4.frame.LZ4FrameCompressor()

    def compress(self, data: bytes, /) -> bytes:
        start = b"" if self._frame.started() else bytes(self._frame.begin())
        return start + bytes(self._frame.compress(data))

    def flush(self) -> bytes:
        return self.compress(b"") + bytes(self._frame.flush())


def _zstd_decoder() -> Decoder:
    return zstandard.ZstdDecompressor().decompressobj()


_DECODERS: Final[dict[str, Callable[[], Decoder]]] = {
    "lz4": lz4.frame.LZ4FrameDecompressor,
    "zstd": _zstd_decoder,
    "gzip": partial(zlib.decompressobj, wbits=31),
    "deflate": partial(zlib.decompressobj),
}
_ENCODERS: Final[dict[str, Callable[[], Encoder]]] = {
    "lz4": _Lz4,
    "zstd": lambda: zstandard.ZstdCompressor(level=1).compressobj(),
    "gzip": lambda: zlib.compressobj(level=1, wbits=31),
    "deflate": lambda: zlib.compressobj(level=1),
}


def choose(accepted: str) -> str:
    """The cheapest coding that a client accepts, or an empty string.

    Args:
        accepted: The ``Accept-Encoding`` header.
    """
    offered = {
        name.strip().lower()
        for name, _, quality in (part.partition(";") for part in accepted.split(","))
        if quality.strip() not in {"q=0", "q=0.0"}
    }
    return next((name for name in _ENCODERS if name in offered), "")


def encoder(coding: str) -> Encoder:
    """A new encoder of a coding that `choose` gave."""
    return _ENCODERS[coding]()


def decoded(pieces: Iterable[bytes], coding: str) -> Iterator[bytes]:
    """Undo a coding; a body may be several frames, one behind the other.

    Raises:
        QueryError: An unknown coding (48); a broken frame, or a last one cut short (271).
    """
    if coding in {"", "identity"}:
        yield from pieces
        return
    if coding not in _DECODERS:
        raise refused(NOT_IMPLEMENTED, f"Unknown Content-Encoding: {coding}.")
    try:
        yield from _frames(pieces, _DECODERS[coding])
    except (zlib.error, zstandard.ZstdError, EOFError) as error:
        raise refused(CANNOT_DECOMPRESS, f"Cannot decompress {coding}: {error}.") from error


def _frames(pieces: Iterable[bytes], new: Callable[[], Decoder]) -> Iterator[bytes]:
    frame: Decoder | None = None
    for piece in pieces:
        left = piece
        while left:
            frame = new() if frame is None or frame.eof else frame
            yield _decompress(frame, left)
            left = (frame.unused_data or b"") if frame.eof else b""
    if frame is not None and not frame.eof:
        raise EOFError("the body ends inside a frame")


def _decompress(frame: Decoder, data: bytes) -> bytes:
    try:
        return frame.decompress(data)
    except RuntimeError as error:
        raise EOFError(error) from error
