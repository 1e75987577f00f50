"""Answers with a file in memory, which a client may resume or need not fetch again.

Source: RFC 9110, sections 13 (conditional requests) and 14 (ranges); several ranges in one request
are answered with the whole file, as section 14.2 allows.
"""

import hashlib
import re
from email.utils import formatdate, parsedate_to_datetime
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

_ONE_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


def resumable(request: Request, body: bytes, media_type: str, *, modified_ms: int) -> Response:
    """Answer GET or HEAD with a file, a part of it, or that it has not changed.

    Args:
        request: The client's request.
        body: Contents of the file; its strong ETag is made of them.
        media_type: Type of the file.
        modified_ms: When the file was published, UTC epoch milliseconds.
    """
    asked, tag = request.headers, f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
    modified = formatdate(modified_ms // 1000, usegmt=True)
    headers = {"ETag": tag, "Last-Modified": modified, "Accept-Ranges": "bytes"}
    if _has_it(asked, tag, modified_ms):
        return Response(None, HTTPStatus.NOT_MODIFIED, headers)
    match = _ONE_RANGE.fullmatch(asked.get("range", "").strip())
    is_same = asked.get("if-range", tag) in {tag, modified}
    if match is None or not any(match.groups()) or not is_same or request.method != "GET":
        return Response(body, HTTPStatus.OK, headers, media_type)
    part = _part(match[1], match[2], len(body))
    if not part:
        headers["Content-Range"] = f"bytes */{len(body)}"
        return Response(None, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers)
    headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{len(body)}"
    return Response(body[part.start : part.stop], HTTPStatus.PARTIAL_CONTENT, headers, media_type)


def _part(first: str, last: str, length: int) -> range:
    if not first:
        return range(max(0, length - int(last)), length)
    return range(int(first), min(int(last) + 1, length) if last else length)


def _has_it(asked: Headers, tag: str, modified_ms: int) -> bool:
    if "if-none-match" in asked:
        tags = [text.strip().removeprefix("W/") for text in asked["if-none-match"].split(",")]
        return tag in tags or tags == ["*"]
    try:
        since = parsedate_to_datetime(asked.get("if-modified-since", ""))
    except ValueError:
        return False
    return since.timestamp() * 1000 >= modified_ms // 1000 * 1000
