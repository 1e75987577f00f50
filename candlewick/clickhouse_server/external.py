"""External tables: data that a client sends with a statement, for this statement only."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

from candlewick.clickhouse_server.errors import BAD_ARGUMENTS, QueryError, refused
from candlewick.clickhouse_server.handle import Handle
from candlewick.clickhouse_server.running import insert_rows
from candlewick.clickhouse_server.statement import read_statement
from candlewick.clickhouse_server.tokens import Token, tokens

_NAME: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_WORD: Final = re.compile(rb"\w+")
# In a type such as Enum8('a' = -1). Not a bracket or a semicolon, which could end the type.
_MARKS: Final = frozenset({b"(", b")", b",", b"=", b"-"})
_PIECE_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class ExternalTable:
    """A table to make before the statement.

    Attributes:
        name: Its name, an identifier.
        columns: Names and types, checked, as in CREATE TABLE.
        format: Format of its rows, an identifier.
        rows: Its rows.
    """

    name: str
    columns: bytes
    format: str
    rows: BinaryIO


def read_table(name: str, rows: BinaryIO, parameters: Mapping[str, str]) -> ExternalTable:
    """Read what a request says of one of its tables, in `parameters_of` its name.

    Raises:
        QueryError: A name, a type or the format is missing or more than that (36).
    """
    format_name, structure_name, types_name = parameters_of(name)
    format_ = parameters.get(format_name, "TabSeparated")
    for told in (name, format_):
        if not _NAME.fullmatch(told):
            raise refused(BAD_ARGUMENTS, f"'{told}' is not a name for an external table.")
    structure = parameters.get(structure_name, "")
    types = parameters.get(types_name, "")
    if bool(structure) == bool(types):
        raise refused(BAD_ARGUMENTS, f"Give either {structure_name} or {types_name}.")
    return ExternalTable(name, _columns(structure or types, named=bool(structure)), format_, rows)


def parameters_of(name: str) -> tuple[str, str, str]:
    """Return the names of a table's parameters: its format, its structure and its types."""
    return f"{name}_format", f"{name}_structure", f"{name}_types"


def create_table(handle: Handle, table: ExternalTable) -> None:
    """Make the table on a handle, which must not be restricted to reading yet.

    Raises:
        ENGINE_ERRORS: There is one of that name, or a type is unknown.
    """
    create = f"CREATE TEMPORARY TABLE {table.name} (".encode() + table.columns + b")"
    handle.query(create, "Null", {})


def fill_table(handle: Handle, table: ExternalTable, rows_folder: Path) -> None:
    """Insert the rows that were sent; raises as `insert_rows` does."""
    statement = read_statement(f"INSERT INTO {table.name} VALUES".encode(), whole=True)
    if statement is not None:
        pieces = iter(partial(table.rows.read, _PIECE_BYTES), b"")
        insert_rows(handle, statement, pieces, rows_folder, table.format, parameters={})


def drop_table(handle: Handle, table: ExternalTable) -> None:
    """Drop the table, of a handle that is used again."""
    handle.query(f"DROP TEMPORARY TABLE {table.name}".encode(), "Null", {})


def _columns(text: str, *, named: bool) -> bytes:
    """Return the columns with nothing beside their names and types, such as a DEFAULT.

    They are put together from our own tokens: the engine reads no comment and no bracket that we
    read differently.
    """
    columns: list[list[Token]] = [[]]
    for token in tokens(text.encode()):
        if token.raw == b"," and not token.depth:
            columns.append([])
        else:
            columns[-1].append(token)
    written = []
    for number, column in enumerate(columns, 1):
        name, type_ = (column[:1], column[1:]) if named else ([], column)
        if (named and not _is_name(name)) or not _is_type(type_):
            raise _no_columns(text)
        raw_name = name[0].raw if name else f"_{number}".encode()
        written.append(b" ".join([raw_name, *(token.raw for token in type_)]))
    return b", ".join(written)


def _is_name(found: list[Token]) -> bool:
    return len(found) == 1 and found[0].kind in {"word", "quoted"} and _is_plain(found[0])


def _is_type(found: list[Token]) -> bool:
    """Return whether it is a word, or a word and one pair of brackets with what is in it."""
    top = [token.raw for token in found if token.depth <= 0]
    if not found or found[0].kind != "word" or not all(_is_plain(token) for token in found):
        return False
    deepest = min(token.depth for token in found)
    return deepest == 0 and (len(top) == 1 or (top[1:] == [b"(", b")"] and found[-1].raw == b")"))


def _is_plain(token: Token) -> bool:
    if token.kind == "word":
        return _WORD.fullmatch(token.raw) is not None
    if token.kind == "mark":
        return token.raw in _MARKS
    quoted = token.kind == "quoted" or (token.kind == "text" and token.raw.startswith(b"'"))
    return quoted and token.raw.isascii() and b"\\" not in token.raw


def _no_columns(text: str) -> QueryError:
    return refused(BAD_ARGUMENTS, f"These are not names and types of columns: {text[:200]}")
