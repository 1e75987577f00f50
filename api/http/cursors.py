"""Cursors: where a page of results ended and the next one starts; opaque to the client."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

import orjson

from api.http import problems
from api.http.problems import FieldError, Members, Problem

Key = tuple[int | str, ...]
LONGEST = 400


def cursor_of(key: Key) -> str:
    """Return the cursor for the last row's sort key."""
    return urlsafe_b64encode(orjson.dumps(key)).decode().rstrip("=")


def key_of(cursor: str, kinds: tuple[type, ...]) -> Key:
    """Return the sort key of a cursor.

    Args:
        cursor: As `cursor_of` made it.
        kinds: The type of each part of the key.

    Raises:
        Problem: It is not a cursor of this endpoint.
    """
    try:
        raw = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        key = orjson.loads(raw)
    except ValueError:
        key = None
    if not isinstance(key, list) or tuple(type(part) for part in key) != kinds:
        error = FieldError("query.cursor", "take it from `next_cursor` of an answer")
        raise Problem(problems.INVALID, "the cursor is not valid", members=Members(errors=(error,)))
    if any(isinstance(part, int) and abs(part) >= 2**62 for part in key):
        raise Problem(problems.INVALID, "the cursor is not valid")
    return tuple(key)
