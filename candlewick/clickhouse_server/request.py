"""Parses a request's URL and headers; separates engine settings from parameters of HTTP only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from candlewick.clickhouse_server.errors import BAD_ARGUMENTS, refused
from candlewick.clickhouse_server.external import ExternalTable, parameters_of, read_table
from candlewick.clickhouse_server.form import Form

_HTTP_ONLY: Final = frozenset(
    {
        "add_http_cors_header", "buffer_size", "cancel_http_readonly_queries_on_client_close",
        "client_protocol_version", "compress", "database", "decompress", "default_format",
        "enable_http_compression", "http_headers_progress_interval_ms", "http_response_headers",
        "http_write_exception_in_output_format", "http_zlib_compression_level", "log_comment",
        "password", "query", "query_id", "quota_key", "readonly", "role",
        "send_progress_in_http_headers", "session_check", "session_id", "session_timeout",
        "stacktrace", "user", "wait_end_of_query",
    }
)  # fmt: skip
_LONGEST_SESSION_S: Final = 3600
_MOST_DIGITS: Final = 9


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of a request, without its statement.

    Attributes:
        settings: Engine settings, by name.
        parameters: Values of ``{name:Type}``, escaped as in TSV.
        database: Database of unqualified table names, or empty.
        default_format: Format for a statement that names none, or empty.
        session_id: Session to use, or empty.
        session_timeout_s: Seconds that the session stays open after this request.
        session_must_exist: If True, fail instead of opening a new session.
        readonly: If True, the request may change nothing.
        query_id: The client's id of the query, or empty.
        frames_in: Whether the body consists of ClickHouse's own compressed blocks.
        revision: The protocol revision at which the client reads its first question, or 0.
        query: The statement, or its first part, if it is not in the body.
        tables: Tables that were sent with the statement.
        waits: If True, nothing is sent before the end of the query is known.
    """

    settings: Mapping[str, str]
    parameters: Mapping[str, str]
    database: str
    default_format: str
    session_id: str
    session_timeout_s: int
    session_must_exist: bool
    readonly: bool
    query_id: str
    frames_in: bool
    revision: int
    query: str
    tables: tuple[ExternalTable, ...]
    waits: bool


def read_request(request: Request, form: Form) -> Asked:
    """Parse the options of a request; one that is not a POST is read-only.

    Args:
        request: Its URL and headers are read.
        form: The body, if that is a form, else an empty one.

    Raises:
        QueryError: A setting's name or the query's id is not valid, the session timeout is out of
            range, or a table of the form is not described.

    Source: ClickHouse, docs/interfaces/http.
    """
    url, headers = {**request.query_params, **form.fields}, request.headers
    of_tables = {told for name in form.files for told in parameters_of(name)}
    queries = (request.query_params.get("query", "").rstrip(), form.fields.get("query", ""))
    return Asked(
        settings={name: url[name] for name in url if name not in of_tables and _is_setting(name)},
        parameters={n[6:]: url[n] for n in url if n.startswith("param_")},
        database=url.get("database") or headers.get("x-clickhouse-database", ""),
        default_format=url.get("default_format") or headers.get("x-clickhouse-format", ""),
        session_id=url.get("session_id", ""),
        session_timeout_s=_timeout(url.get("session_timeout", "60")),
        session_must_exist=url.get("session_check") == "1",
        readonly=request.method != "POST" or url.get("readonly", "0") != "0",
        query_id=_query_id(url.get("query_id", "")),
        frames_in=url.get("decompress") == "1",
        revision=_revision(url.get("client_protocol_version", "0")),
        query="\n".join(filter(None, queries)),
        tables=tuple(read_table(name, rows, url) for name, rows in form.files.items()),
        waits=url.get("wait_end_of_query", "0") != "0",
    )


def _is_setting(name: str) -> bool:
    if name in _HTTP_ONLY or name.startswith("param_"):
        return False
    if not name.isidentifier():
        raise refused(BAD_ARGUMENTS, f"'{name}' is not the name of a setting.")
    return True


def _timeout(text: str) -> int:
    if not text.isdecimal() or int(text) > _LONGEST_SESSION_S:
        raise refused(BAD_ARGUMENTS, f"session_timeout must be 0 to {_LONGEST_SESSION_S} seconds.")
    return int(text)


def _query_id(text: str) -> str:
    """Check that the id can be a header of the answer, before the statement has run."""
    if not text.isascii() or not text.isprintable():
        raise refused(BAD_ARGUMENTS, "query_id must be letters, digits and signs of ASCII.")
    return text


def _revision(text: str) -> int:
    if not text.isdecimal() or len(text) > _MOST_DIGITS:
        raise refused(BAD_ARGUMENTS, "client_protocol_version must be a number.")
    return int(text)
