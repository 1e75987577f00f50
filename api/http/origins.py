"""What pages of other origins may ask and read; also of answers that no middleware has seen.

Source: WHATWG, "Fetch", 3.3 (CORS protocol).
"""

from collections.abc import Collection
from typing import Any, Final

_READABLE: Final = ("Content-Range", "ETag", "Link", "Retry-After", "X-Next-Cursor")
SHARED: Final[dict[str, Any]] = {
    "allow_methods": ["GET", "HEAD", "POST", "DELETE"],
    "allow_headers": ["Authorization", "Content-Type", "If-None-Match", "Last-Event-ID", "Range"],
    "expose_headers": _READABLE,
}


def sharing(origin: str, allowed: Collection[str]) -> dict[str, str]:
    """Return the headers with which a page may read an answer; none if its origin may not.

    Args:
        origin: The request's ``Origin``; empty if it has none.
        allowed: Origins that may read; ``*`` stands for all.
    """
    named = "*" if "*" in allowed else origin
    if not origin or named not in allowed:
        return {}
    return {
        "Access-Control-Allow-Origin": named,
        "Access-Control-Expose-Headers": ", ".join(_READABLE),
        "Vary": "Origin",
    }
