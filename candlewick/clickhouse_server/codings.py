"""HTTP content codings lz4, zstd, gzip and deflate, decoded and encoded piece by piece."""

import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final, Protocol

import lz4.frame
import zstandard

from candlewick.clickhouse_server.errors import CANNOT_DECOMPRESS, NOT_IMPLEMENTED, refused


class Decoder(Protocol):
    """Decodes one frame of a coding into pieces of bounded size, however well it compressed."""

    @property
    def eof(self) -> bool:
        """Whether the frame is complete."""

    @property
    def unused_data(self) -> bytes | None:
        """Input after the end of the frame."""

    def pieces(self, data: bytes, /) -> Iterator[bytes]:
        """Decode some input, up to its end or that of the frame."""


class Encoder(Protocol):
    """Encodes one frame of a coding."""

    def compress(self, data: bytes, /) -> bytes:
        """Encode a piece; some of the output may come with a later call."""

    def flush(self) -> bytes:
        """End the frame, and return its remaining bytes."""


class _Lz4:
    """lz4's compressor, with its frame header written before the first piece."""

    def __init__(self) -> None:
        self._frame = lz4.frame.LZ4FrameCompressor()

    def compress(self, data: bytes, /) -> bytes:
        start = b"" if self._frame.started() else bytes(self._frame.begin())
        return start + bytes(self._frame.compress(data))

    def flush(self) -> bytes:
        return self.compress(b"") + bytes(self._frame.flush())


class _ZlibDecoder:
    """gzip and deflate."""

    def __init__(self, wbits: int) -> None:
        self._frame = zlib.decompressobj(wbits)

    @property
    def eof(self) -> bool:
        return self._frame.eof

    @property
    def unused_data(self) -> bytes | None:
        return self._frame.unused_data

    def pieces(self, data: bytes, /) -> Iterator[bytes]:
        more = True
        while more:
            out = self._frame.decompress(data, _PIECE_BYTES)
            data = self._frame.unconsumed_tail
            more = not self.eof and (bool(data) or len(out) == _PIECE_BYTES)
            yield out


class _Lz4Decoder:
    """lz4 frames."""

    def __init__(self) -> None:
        self._frame = lz4.frame.LZ4FrameDecompressor()

    @property
    def eof(self) -> bool:
        return bool(self._frame.eof)

    @property
    def unused_data(self) -> bytes | None:
        unused: bytes | None = self._frame.unused_data
        return unused

    def pieces(self, data: bytes, /) -> Iterator[bytes]:
        more = True
        while more:
            try:
                yield bytes(self._frame.decompress(data, _PIECE_BYTES))
            except RuntimeError as error:
                raise EOFError(error) from error
            data = b""
            more = not self.eof and not self._frame.needs_input


class _ZstdDecoder:
    """zstd, whose library does not limit the output: small pieces of input keep it small."""

    def __init__(self) -> None:
        limited = zstandard.ZstdDecompressor(max_window_size=_LARGEST_WINDOW_BYTES)
        self._frame = limited.decompressobj()
        self._behind = b""

    @property
    def eof(self) -> bool:
        return bool(self._frame.eof)

    @property
    def unused_data(self) -> bytes | None:
        return self._behind

    def pieces(self, data: bytes, /) -> Iterator[bytes]:
        for start in range(0, len(data), _ZSTD_BYTES):
            yield self._frame.decompress(data[start : start + _ZSTD_BYTES])
            if self.eof:
                self._behind = self._frame.unused_data + data[start + _ZSTD_BYTES :]
                return


# A compressed block of zstd has at least four bytes, and decompresses to at most 128 kB.
_ZSTD_BYTES: Final = 128
_PIECE_BYTES: Final = 1 << 20
_LARGEST_WINDOW_BYTES: Final = 8 << 20  # RFC 9659, for HTTP
_DECODERS: Final[dict[str, Callable[[], Decoder]]] = {
    "lz4": _Lz4Decoder,
    "zstd": _ZstdDecoder,
    "gzip": partial(_ZlibDecoder, 31),
    "deflate": partial(_ZlibDecoder, zlib.MAX_WBITS),
}
_ENCODERS: Final[dict[str, Callable[[], Encoder]]] = {
    "lz4": _Lz4,
    "zstd": lambda: zstandard.ZstdCompressor(level=1).compressobj(),
    "gzip": lambda: zlib.compressobj(level=1, wbits=31),
    "deflate": lambda: zlib.compressobj(level=1),
}


def choose(accepted: str) -> str:
    """Return the cheapest coding that a client accepts, or an empty string.

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
    """Create an encoder for a coding that `choose` returned."""
    return _ENCODERS[coding]()


def decoded(pieces: Iterable[bytes], coding: str) -> Iterator[bytes]:
    """Decode a body, which may consist of several frames.

    Raises:
        QueryError: The coding is unknown (48), or a frame is broken or incomplete (271).
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
            yield from filter(None, frame.pieces(left))
            left = (frame.unused_data or b"") if frame.eof else b""
    if frame is not None and not frame.eof:
        raise EOFError("the body ends inside a frame")
