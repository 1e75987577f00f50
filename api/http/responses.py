"""Builds responses: JSON with an ETag, compressed when worthwhile, and problems."""

import gzip
from collections.abc import Mapping
from hashlib import sha256
from http import HTTPStatus

import orjson
from starlette.requests import Request
from starlette.responses import Response

from api.http.problems import MEDIA_TYPE, Problem
from api.http.ranges import cut

JSON = "application/json"
_REVALIDATE = "private, no-cache"
_WORTH_PACKING_BYTES = 4096
_LOOPBACK = ("127.0.0.1", "::1")
_TEXT = ("application/json", "text/")


def json_bytes(value: object) -> bytes:
    """Return a value as JSON."""
    return orjson.dumps(value)


def answer(
    request: Request,
    body: bytes,
    *,
    media_type: str = JSON,
    headers: Mapping[str, str] | None = None,
    is_final: bool = False,
) -> Response:
    """Return a body with its ETag, or 304 if the client's copy is current.

    Large text is compressed at the fastest level if the client accepts it; call this in a thread.

    Args:
        request: The request to answer.
        body: The whole body.
        media_type: Type of the body.
        headers: More headers.
        is_final: Whether the body cannot change; then ranges of it may be asked for.

    Raises:
        Problem: The client asks for bytes that the body does not have (416).

    Source: RFC 9110, sections 8.8.3, 13.1 and 14.
    """
    asked = request.headers.get("range", "") if is_final else ""
    packs = len(body) >= _WORTH_PACKING_BYTES and media_type.startswith(_TEXT)
    packs = packs and not asked and accepts_gzip(request)
    tag = f'"{sha256(body).hexdigest()[:24]}{"-gz" if packs else ""}"'
    fields = {"ETag": tag, "Cache-Control": _REVALIDATE}
    fields["Vary"] = "Accept, Accept-Encoding, Authorization"
    fields |= dict(headers or {})
    if is_final and not packs:
        fields["Accept-Ranges"] = "bytes"
    if has_already(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=fields)
    piece = cut(asked, len(body)) if asked and _is_range_of(request, tag) else None
    if piece is not None:
        fields["Content-Range"] = f"bytes {piece.start}-{piece.stop - 1}/{len(body)}"
        part = body[piece.start : piece.stop]
        return Response(part, HTTPStatus.PARTIAL_CONTENT, fields, media_type)
    if packs:
        fields["Content-Encoding"] = "gzip"
        body = gzip.compress(body, compresslevel=1, mtime=0)
    return Response(body, media_type=media_type, headers=fields)


def _is_range_of(request: Request, tag: str) -> bool:
    """Return whether the range is to be cut from this very body; a date never says so."""
    return request.headers.get("if-range", tag).strip() == tag


def accepts_gzip(request: Request) -> bool:
    """Return whether to compress for this client: it accepts gzip and is not on this machine.

    On this machine compression only costs time. A weight of zero in the header refuses gzip.
    """
    if _is_here(request):
        return False
    offers = request.headers.get("accept-encoding", "").lower().replace(" ", "").split(",")
    return any(offer == "gzip" or offer.startswith("gzip;q=") for offer in offers) and not (
        {"gzip;q=0", "gzip;q=0.0"} & set(offers)
    )


def _is_here(request: Request) -> bool:
    passed_on = "x-forwarded-for" in request.headers or "forwarded" in request.headers
    return request.client is not None and request.client.host in _LOOPBACK and not passed_on


def has_already(if_none_match: str, tag: str) -> bool:
    """Return whether a list of tags contains this one, by weak comparison."""
    held = {part.strip().removeprefix("W/") for part in if_none_match.split(",")}
    return tag.removeprefix("W/") in held or "*" in held


def no_store(response: Response) -> None:
    """Forbid caches to store the answer; a dependency. Source: RFC 6749, section 5.1."""
    response.headers["Cache-Control"] = "no-store"


def problem_response(problem: Problem, *, instance: str) -> Response:
    """Return the response for a problem."""
    kind, members = problem.kind, problem.members
    body: dict[str, object] = {
        "type": kind.type,
        "title": kind.title,
        "status": kind.status,
        "detail": problem.detail,
        "instance": instance,
    }
    if members.errors:
        body["errors"] = [{"place": e.place, "message": e.message} for e in members.errors]
    if members.registry_code is not None:
        body |= {"error_code": members.registry_code, "message": problem.detail}
    headers = problem.headers | {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    if members.retry_after_s is not None:
        body["retry_after_s"] = members.retry_after_s
        headers["Retry-After"] = str(members.retry_after_s)
    return Response(json_bytes(body), kind.status, headers, MEDIA_TYPE)
