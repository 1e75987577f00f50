"""HTTP client of the exchange's archive: a file is used only after its checksum was verified.

Downloads go to a temporary file, so that memory does not grow with the file.
Source: binance-public-data, README, "CHECKSUM": ``<sha256>  <file name>``.
"""

import asyncio
import hashlib
import io
import lzma
import re
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager
from typing import IO, Final, TypeVar, cast

import httpx

from clients.clock import steady_ms, wall_ms
from clients.limits import answered
from clients.retry_after import told_wait_s, until
from producers.binance.archive_names import Archive
from producers.binance.firewall import Firewall
from producers.binance.kline_csv import KlineFile, SetApart, read_klines
from schemas.candle_columns import CandleColumns
from schemas.errors import PoisonMessage, Transient

ValueT = TypeVar("ValueT")
MEMORY_BYTES: Final = 8 << 20  # larger files stay on disk while they are read
ATTEMPTS: Final = 3
FILES_AT_A_TIME: Final = 1  # that are unpacked; more may be downloading
RETRY_S: Final = 0.5
CHECKSUM_S: Final = 20.0  # of a whole request: an answer may drip
DOWNLOAD_S: Final = 300.0  # of a whole file, besides what its size takes
SLOWEST: Final = 20_000  # bytes a second: months of trades have up to hundreds of megabytes
_UNREADABLE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    lzma.LZMAError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    ValueError,
)  # what `zipfile` raises over damaged bytes


class ArchiveClient:
    """Client of the exchange's archive files.

    Every method raises `Transient` when the server cannot answer now.
    """

    def __init__(
        self, base_url: str, http: httpx.AsyncClient, *, limit_s: float = CHECKSUM_S
    ) -> None:
        self._limit_s = limit_s
        self._url = base_url.rstrip("/")
        self._http = http
        self._turns = asyncio.Semaphore(FILES_AT_A_TIME)
        self._firewall = Firewall(self._url)
        self._closed_until_ms = 0

    async def checksum(self, file: Archive) -> str | None:
        """Fetch the published SHA-256 of a file; None if there is no such file."""
        url = f"{self._url}/{file.path}.CHECKSUM"
        self._refuse_closed()
        try:
            answer = await answered(self._limit_s, url, self._http.get(url))
        except httpx.RequestError as error:
            raise Transient(f"{url} does not answer: {error!r}") from error
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        self._refuse_errors(answer, url)
        found = re.match(r"([0-9a-fA-F]{64})\s", answer.text)
        if found is None:
            raise Transient(f"{url} has no checksum: {answer.text[:80]!r}")
        return found[1].lower()

    async def size(self, file: Archive) -> int | None:
        """Fetch the size of a file in bytes; None if there is no such file.

        Raises:
            Transient: Also if the server does not tell it.
        """
        url = f"{self._url}/{file.path}"
        self._refuse_closed()
        try:
            answer = await answered(self._limit_s, url, self._http.head(url))
        except httpx.RequestError as error:
            raise Transient(f"{url} does not answer: {error!r}") from error
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        self._refuse_errors(answer, url)
        length = answer.headers.get("Content-Length", "")
        if not length.isdecimal():
            raise Transient(f"{url} does not tell its size")
        return int(length)

    async def read(self, file: Archive, sha256: str, use: Callable[[IO[bytes]], ValueT]) -> ValueT:
        """Download a file, call ``use`` with it in a thread, and return the result.

        Raises:
            PoisonMessage: Three downloads in a row had another checksum or were unreadable.
        """
        attempt = 0
        while True:
            attempt += 1
            with tempfile.SpooledTemporaryFile(MEMORY_BYTES) as held:
                try:
                    await self._download(file, sha256, held)
                    async with self._turns:
                        return await asyncio.to_thread(use, held)
                except PoisonMessage as error:
                    if attempt == ATTEMPTS:
                        raise PoisonMessage(f"{file.name}: {error}", raw=b"") from error
            await asyncio.sleep(RETRY_S * attempt)

    async def _download(self, file: Archive, sha256: str, into: IO[bytes]) -> None:
        url = f"{self._url}/{file.path}"
        request = self._http.build_request("GET", url)
        self._refuse_closed()
        try:
            answer = await answered(self._limit_s, url, self._http.send(request, stream=True))
            async with aclosing(answer):
                self._refuse_errors(answer, url)
                length = answer.headers.get("Content-Length", "")
                size = int(length) if length.isdecimal() else 0
                limit_s = DOWNLOAD_S + size / SLOWEST
                digest = await answered(limit_s, f"all of {url}", _copied(answer, into))
        except httpx.RequestError as error:
            raise Transient(f"{url} broke off: {error!r}") from error
        into.seek(0)
        if digest != sha256:
            raise PoisonMessage(f"its checksum is {digest}, not {sha256}", raw=b"")

    def _refuse_closed(self) -> None:
        """Ask for nothing while a firewall refuses us: whoever goes on asking makes it longer."""
        wait_s = (self._closed_until_ms - steady_ms()) / 1000
        if wait_s > 0:
            raise Transient(
                f"{self._url} refuses us; asking again at {until(wait_s, wall_ms())}",
                retry_after_s=wait_s,
            )

    def _refuse_errors(self, answer: httpx.Response, url: str) -> None:
        is_good = answer.status_code == httpx.codes.OK
        if not is_good:
            self._refuse_closed()  # it was under way when another one was refused
        if wall := self._firewall.judge(answer.status_code, b""):
            self._closed_until_ms = steady_ms() + int(wall.retry_after_s * 1000)
            raise wall
        if is_good:
            return
        wait = answer.headers.get("Retry-After", "")
        raise Transient(
            f"{url} answered {answer.status_code}",
            retry_after_s=told_wait_s(answer.status_code, wait) if wait else 1.0,
        )


async def _copied(answer: httpx.Response, into: IO[bytes]) -> str:
    """Write the body of an answer, and return its SHA-256."""
    digest = hashlib.sha256()
    async for piece in answer.aiter_raw():
        digest.update(piece)
        into.write(piece)
    return digest.hexdigest()


def archived_candles(
    held: IO[bytes], file: KlineFile, set_apart: Callable[[SetApart], None]
) -> Iterator[CandleColumns]:
    """Yield the candles of a zip file, in parts; ``set_apart`` is called with the other rows.

    Raises:
        PoisonMessage: Not a zip of one CSV, cut short or damaged, or with an unreadable row.
    """
    with opened(held) as stream:
        yield from read_klines(stream, file, set_apart)


@contextmanager
def opened(held: IO[bytes]) -> Iterator[io.BufferedReader]:
    """Open the only file in a zip.

    Raises:
        PoisonMessage: Not a zip of one file, or it is damaged; also while it is read.
    """
    try:
        with zipfile.ZipFile(held) as archive:
            names = archive.namelist()
            if len(names) != 1:
                raise PoisonMessage(f"{len(names)} files in the zip, not one", raw=b"")
            with archive.open(names[0]) as member:
                yield io.BufferedReader(cast("io.RawIOBase", member), 1 << 16)
    except _UNREADABLE as error:
        raise PoisonMessage(f"the zip is damaged: {error}", raw=b"") from error
