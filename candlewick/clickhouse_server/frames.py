"""ClickHouse's own compressed blocks (``compress=1``, ``decompress=1``): refused so far."""

from candlewick.clickhouse_server.errors import NOT_IMPLEMENTED, QueryError, refused
from candlewick.clickhouse_server.request import Asked


def refuse_frames(asked: Asked) -> None:
    """Send the client to HTTP's content codings.

    Raises:
        QueryError: The request wants framed blocks (48).
    """
    if asked.frames_in or asked.frames_out:
        raise _not_framed()


def _not_framed() -> QueryError:
    return refused(NOT_IMPLEMENTED, "Use Content-Encoding and Accept-Encoding for compression.")
