"""Responses on the wire: headers, content coding, and the tail that reports a late error."""

import json
import secrets
from collections.abc import Iterator
from itertools import chain
from typing import Final

from starlette.requests import Request

from candlewick.clickhouse_server import codings
from candlewick.clickhouse_server.errors import QueryError
from candlewick.clickhouse_server.frames import FrameEncoder
from candlewick.clickhouse_server.running import Answer

_WORTH_COMPRESSING_BYTES: Final = 512


def encoder_for(request: Request, answer: Answer) -> tuple[codings.Encoder | None, str]:
    """Return the encoder for a body, or None, and its value of ``Content-Encoding``."""
    if request.query_params.get("compress") == "1":
        return FrameEncoder(), ""
    if answer.more is None and len(answer.body) < _WORTH_COMPRESSING_BYTES:
        return None, ""
    coding = codings.choose(request.headers.get("accept-encoding", ""))
    return (codings.encoder(coding), coding) if coding else (None, "")


def headers_of(answer: Answer, query_id: str, elapsed_ns: int) -> dict[str, str]:
    """Return the headers that ClickHouse sends with a result.

    Source: ClickHouse, docs/interfaces/http, "Response headers".
    """
    summary = {
        "read_rows": answer.rows,
        "read_bytes": 0,
        "written_rows": answer.written_rows,
        "written_bytes": answer.written_bytes,
        "total_rows_to_read": 0,
        "result_rows": answer.rows or answer.written_rows,
        "result_bytes": len(answer.body),
        "elapsed_ns": elapsed_ns,
    }
    headers = {
        "X-ClickHouse-Query-Id": query_id,
        "X-ClickHouse-Server-Display-Name": "candlewick",
        "X-ClickHouse-Timezone": "UTC",
        "X-ClickHouse-Summary": json.dumps({name: str(value) for name, value in summary.items()}),
    }
    if answer.format is not None:
        headers |= {"X-ClickHouse-Format": answer.format, "Content-Type": _media(answer.format)}
    return headers


def encoded(answer: Answer, encoder: codings.Encoder | None, tag: str) -> Iterator[bytes]:
    """Yield the encoded pieces of the body, with any late error at the end.

    Args:
        answer: The answer to send.
        encoder: Encoder of the body, or None.
        tag: The value of ``X-ClickHouse-Exception-Tag``.

    Raises:
        QueryError: After the last piece, which reports it: the body is not complete.
    """
    end = encoder.flush if encoder else bytes
    try:
        for piece in chain([answer.body], answer.more or ()):
            yield encoder.compress(piece) if encoder else piece
    except QueryError as error:
        tail = _tail(error, tag)
        yield (encoder.compress(tail) if encoder else tail) + end()
        raise
    yield end()


def new_tag() -> str:
    """Return sixteen random characters, which no data contains by chance."""
    return secrets.token_hex(8)


def _tail(error: QueryError, tag: str) -> bytes:
    message = error.message.encode() + b"\n"
    start = f"\r\n__exception__\r\n{tag}\r\n".encode()
    return start + message + f"{len(message)} {tag}\r\n__exception__\r\n".encode()


def _media(format_: str) -> str:
    if format_.startswith("JSON"):
        return "application/json; charset=UTF-8"
    if format_.startswith(("TSV", "TabSeparated")):
        return "text/tab-separated-values; charset=UTF-8"
    if format_.startswith("CSV"):
        return "text/csv; charset=UTF-8; header=absent"
    if format_.startswith("Pretty"):
        return "text/plain; charset=UTF-8"
    return "application/octet-stream"
