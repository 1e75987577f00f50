"""Runs one statement on one handle. Synchronous: it is called in a worker thread."""

import errno
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, pairwise
from pathlib import Path
from tempfile import NamedTemporaryFile, SpooledTemporaryFile
from typing import IO, Final

from chdb import ChdbError

from candlewick.clickhouse_server.errors import from_engine
from candlewick.clickhouse_server.handle import Handle, Rows, quoted
from candlewick.clickhouse_server.hello import as_revision_0, at_revision, is_hello
from candlewick.clickhouse_server.native import empty_block
from candlewick.clickhouse_server.statement import Kind, Statement
from candlewick.stack.disk_room import NEEDED_MB

_JOINABLE: Final = frozenset(
    {
        "Native", "TabSeparated", "TSV", "CSV", "RowBinary", "TSVRaw", "LineAsString",
        "JSONEachRow", "JSONLines", "NDJSON", "JSONCompactEachRow",
    }
)  # fmt: skip
# Those of them that end with totals and extremes, which chDB's blocks leave out.
_WITH_MORE_ROWS: Final = frozenset({"TabSeparated", "TSV", "CSV", "TSVRaw", "LineAsString"})
_ARRAY: Final = "output_format_json_array_of_rows"
_PIECE_BYTES: Final = 1 << 20
_LOOK_BYTES: Final = 64 << 20  # from one look at the disk's room to the next
ENGINE_ERRORS: Final = (ChdbError, RuntimeError, UnicodeDecodeError)


@dataclass(slots=True)
class Answer:
    """The result of a statement.

    Attributes:
        format: Format of the body, or None if there is no result.
        body: The first bytes of the result, or all of them.
        more: The rest, or None if `body` is complete; iterating may raise `QueryError`.
        rows: Number of rows in `body`.
        written_rows: Number of rows written.
        written_bytes: Number of bytes written.
        resources: Resources to close once the answer is sent or abandoned.
    """

    format: str | None = None
    body: bytes = b""
    more: Iterator[bytes] | None = None
    rows: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    resources: ExitStack = field(default_factory=ExitStack)


def run(
    handle: Handle,
    statement: Statement,
    rows: Iterator[bytes],
    *,
    rows_folder: Path,
    parameters: Mapping[str, str],
    settings: Mapping[str, str],
    default_format: str,
    revision: int = 0,
) -> Answer:
    """Run a statement and return its result, streamed if the format allows it.

    Args:
        handle: A free handle with the settings applied.
        statement: Statement to run.
        rows: Rows that follow an INSERT.
        rows_folder: Folder for a temporary file of these rows.
        parameters: Values of ``{name:Type}``.
        settings: Settings of the request, already applied to the handle.
        default_format: Format for a statement that names none; may be empty.
        revision: Protocol revision at which the client reads its first question.

    Raises:
        ENGINE_ERRORS: The engine refuses the statement.
    """
    if statement.kind is Kind.INSERT_ROWS:
        format_ = statement.format or default_format or "Values"
        return insert_rows(handle, statement, rows, rows_folder, format_, parameters=parameters)
    format_ = statement.format or default_format or "TabSeparated"
    if (
        statement.kind is Kind.SELECT
        and format_ in _JOINABLE
        and not _is_array(statement, settings)
        and not (format_ in _WITH_MORE_ROWS and _has_more_rows(statement, settings))
    ):
        if format_ == "Native" and is_hello(statement.sql):
            return _hello(handle, statement, revision)
        return _select(handle, statement, format_, parameters)
    return _whole(handle, statement, format_, parameters)


def _hello(handle: Handle, statement: Statement, revision: int) -> Answer:
    answer = handle.query(as_revision_0(statement.sql), "Native", {})
    return Answer() if answer is None else Answer("Native", at_revision(answer.bytes(), revision))


def _is_array(statement: Statement, settings: Mapping[str, str]) -> bool:
    """Return whether the result is one JSON array, which blocks cannot be joined to."""
    return settings.get(_ARRAY, "0") != "0" or _ARRAY.encode() in statement.sql


def _has_more_rows(statement: Statement, settings: Mapping[str, str]) -> bool:
    """Return whether totals or extremes may stand behind the rows."""
    words = [token.word for token in statement.tokens]
    extremes = settings.get("extremes", "0") != "0" or "EXTREMES" in words
    return extremes or ("WITH", "TOTALS") in pairwise(words)


def insert_rows(
    handle: Handle,
    statement: Statement,
    rows: Iterator[bytes],
    rows_folder: Path,
    format_: str,
    *,
    parameters: Mapping[str, str],
) -> Answer:
    """Insert rows from a file, as chDB's own streaming insert reports no errors of writing.

    Raises:
        ENGINE_ERRORS: The engine refuses the rows.
        OSError: The disk has no room for them.
    """
    with NamedTemporaryFile(dir=rows_folder) as kept:
        _keep(kept, rows, rows_folder)
        kept.flush()
        written = handle.query(_from_file(statement, kept.name, format_), "Null", parameters)
    if written is None:
        return Answer()
    return Answer(written_rows=written.rows_written(), written_bytes=written.bytes_written())


@contextmanager
def kept_on_disk(pieces: Iterator[bytes], folder: Path) -> Iterator[Iterator[bytes]]:
    """Read pieces to their end, and lend them from a file, which is deleted after that.

    Raises:
        QueryError: The pieces end with it.
        OSError: The disk has no room for them.
    """
    with SpooledTemporaryFile(_PIECE_BYTES, dir=str(folder)) as kept:
        _keep(kept, pieces, folder)
        kept.seek(0)
        yield iter(partial(kept.read, _PIECE_BYTES), b"")


def _keep(file: IO[bytes], pieces: Iterator[bytes], folder: Path) -> None:
    room = _LOOK_BYTES  # what is smaller than that, the engine itself takes or refuses
    for piece in pieces:  # `writelines` would first have all of them in memory
        room -= len(piece)
        if room < 0:
            free = shutil.disk_usage(folder).free - len(piece)
            if free < NEEDED_MB * 1e6:  # below that the stack would soon stop
                raise OSError(errno.ENOSPC, f"the disk has less than {NEEDED_MB} MB left")
            room = _LOOK_BYTES
        file.write(piece)


def _from_file(statement: Statement, path: str, format_: str) -> bytes:
    settings = (t.start for t in statement.tokens[3:] if t.word == "SETTINGS" and not t.depth)
    at = next(settings, len(statement.sql))
    source = f" FROM INFILE {quoted(path)} COMPRESSION 'none' ".encode()
    return statement.sql[:at] + source + statement.sql[at:] + f" FORMAT {format_}".encode()


def _whole(
    handle: Handle, statement: Statement, format_: str, parameters: Mapping[str, str]
) -> Answer:
    result = handle.query(statement.sql, format_, parameters)
    if statement.kind is Kind.COMMAND or result is None:
        return Answer()
    return Answer(format_, result.bytes(), rows=result.rows_read())


def _select(
    handle: Handle, statement: Statement, format_: str, parameters: Mapping[str, str]
) -> Answer:
    result = handle.send_query(statement.sql, format_, parameters)
    first, second = result.fetch(), result.fetch()
    if first is None:
        empty = empty_block(handle, statement, parameters) if format_ == "Native" else b""
        return Answer(format_, empty)
    answer = Answer(format_, first.bytes(), rows=first.rows_read())
    if second is not None:
        answer.more = chain([second.bytes()], _rest(result))
        answer.resources.callback(result.cancel)
    return answer


def _rest(result: Rows) -> Iterator[bytes]:
    try:
        while (block := result.fetch()) is not None:
            yield block.bytes()
    except ENGINE_ERRORS as error:
        raise from_engine(error) from error
