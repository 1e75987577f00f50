"""Bodies as they leave: JSON with an ETag, and problems."""

from collections.abc import Mapping
from hashlib import blake2b
from http import HTTPStatus

import orjson
from starlette.requests import Request
from starlette.responses import Response

from api.problems import MEDIA_TYPE, Problem

JSON = "application/json"
_REVALIDATE = "private, no-cache"


def json_bytes(value: object) -> bytes:
    """Return a value as JSON."""
    return orjson.dumps(value)


def answer(
    request: Request,
    body: bytes,
    *,
    media_type: str = JSON,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a body with its ETag, or 304 where the caller has it already.

    Source: RFC 9110, sections 8.8.3 and 13.1.2.
    """
    tag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
    fields = {"ETag": tag, "Cache-Control": _REVALIDATE, "Vary": "Accept, Authorization"}
    fields |= dict(headers or {})
    if has_already(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=fields)
    return Response(body, media_type=media_type, headers=fields)


def has_already(if_none_match: str, tag: str) -> bool:
    """Tell whether a list of tags holds this one; the comparison is the weak one."""
    held = {part.strip().removeprefix("W/") for part in if_none_match.split(",")}
    return tag in held or "*" in held


def problem_response(problem: Problem, *, instance: str) -> Response:
    """Return the body of a problem."""
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
    headers = problem.headers | {"Cache-Control": "no-store"}
    if members.retry_after_s is not None:
        body["retry_after_s"] = members.retry_after_s
        headers["Retry-After"] = str(members.retry_after_s)
    return Response(json_bytes(body), kind.status, headers, MEDIA_TYPE)
