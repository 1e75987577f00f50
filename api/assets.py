"""The page's files, served from the package with an ETag and compressed once."""

import gzip
import mimetypes
from dataclasses import dataclass
from hashlib import blake2b
from http import HTTPStatus
from pathlib import Path, PurePosixPath

from starlette.requests import Request
from starlette.responses import Response

from api.http.responses import accepts_gzip, has_already

STATIC = Path(__file__).parent / "static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
GUARDS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".woff2": "font/woff2"}
_PACKED = {".woff2", ".png", ".ico"}
_REVALIDATE, _FOR_EVER = "no-cache", "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent.

    Attributes:
        packed: The body compressed with gzip; None if that is not smaller.
        changed_ns: Modification time of the file when it was read, in nanoseconds.
    """

    body: bytes
    packed: bytes | None
    media_type: str
    tag: str
    caching: str
    changed_ns: int


class Assets:
    """The files of a folder; files added after the start are not served."""

    def __init__(self, folder: Path = STATIC) -> None:
        files = (path for path in folder.rglob("*") if path.is_file())
        self._paths = {path.relative_to(folder).as_posix(): path for path in files}
        self._read: dict[str, Asset] = {}

    def answer(self, request: Request, name: str) -> Response | None:
        """Return a file, or 304 if the client's copy is current; None if there is no such file."""
        if name not in self._paths:
            return None
        asset = self._newest(name)
        zipped = asset.packed if accepts_gzip(request) else None
        headers = GUARDS | {"ETag": asset.tag, "Cache-Control": asset.caching}
        headers["Vary"] = "Accept-Encoding"
        if has_already(request.headers.get("if-none-match", ""), asset.tag):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        if zipped is not None:
            headers["Content-Encoding"] = "gzip"
        return Response(zipped or asset.body, headers=headers, media_type=asset.media_type)

    def _newest(self, name: str) -> Asset:
        changed_ns = self._paths[name].stat().st_mtime_ns
        known = self._read.get(name)
        if known is None or known.changed_ns != changed_ns:
            known = self._read[name] = _asset(name, self._paths[name].read_bytes(), changed_ns)
        return known


def _asset(name: str, body: bytes, changed_ns: int) -> Asset:
    path = PurePosixPath(name)
    packed = None if path.suffix in _PACKED else gzip.compress(body, mtime=0)
    return Asset(
        body=body,
        packed=packed if packed and len(packed) < len(body) else None,
        media_type=_TYPES.get(path.suffix) or mimetypes.guess_type(name)[0] or "text/plain",
        tag=f'W/"{blake2b(body, digest_size=12).hexdigest()}"',
        caching=_FOR_EVER if path.parts[0] == "vendor" else _REVALIDATE,
        changed_ns=changed_ns,
    )
