"""Classifies a statement: reads a table, changes something, or inserts rows that follow it."""

from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from itertools import pairwise
from typing import Final

from candlewick.clickhouse_server.errors import NOT_IMPLEMENTED, SYNTAX_ERROR, refused
from candlewick.clickhouse_server.tokens import Token, tokens


class Kind(Enum):
    """How a statement is run, and what kind of result it has."""

    SELECT = auto()
    REPORT = auto()
    COMMAND = auto()
    INSERT_ROWS = auto()


@dataclass(frozen=True, slots=True)
class Statement:
    """One parsed statement.

    Attributes:
        kind: How the statement is run.
        verb: Its first word, in capitals.
        sql: Its text; for `INSERT_ROWS` the part before ``FORMAT`` or ``VALUES``.
        format: Format that it names, or None.
        data_start: For `INSERT_ROWS`, the offset in the text at which the rows begin.
        tokens: Its tokens, without those of the rows.
    """

    kind: Kind
    verb: str
    sql: bytes
    format: str | None
    data_start: int
    tokens: tuple[Token, ...]


_REPORTS: Final = frozenset(
    {"SHOW", "DESCRIBE", "DESC", "EXISTS", "EXPLAIN", "CHECK", "KILL", "BACKUP", "RESTORE"}
)
_SHORTEST_INSERT: Final = 4  # INSERT INTO t VALUES
_SELECTS: Final = frozenset({"SELECT", "WITH"})
_REMEMBERED_BYTES: Final = 8 << 10
_MAKES_A_TABLE: Final = frozenset({"CREATE", "ATTACH", "REPLACE"})
_KILL: Final = [b"KILL", b"QUERY", b"WHERE", b"QUERY_ID", b"="]
_KILL_ENDS: Final = {b"ASYNC", b"SYNC"}
_DISK: Final = {("INTO", "OUTFILE"), ("FROM", "INFILE")}


def read_statement(sql: bytes, *, whole: bool) -> Statement | None:
    """Parse a statement.

    Args:
        sql: The statement, followed by any rows.
        whole: Whether the text is complete.

    Returns:
        The statement, or None if more of the text is needed to classify it.

    Raises:
        QueryError: The text has no statement or several, or names a file on the server's disk.
    """
    if whole and len(sql) <= _REMEMBERED_BYTES:
        return _remembered(sql)
    return _read(sql, whole=whole)


@lru_cache(maxsize=64)
def _remembered(sql: bytes) -> Statement | None:
    """Cache the result: clients repeat statements, and parsing takes as long as running them."""
    return _read(sql, whole=True)


def _read(sql: bytes, *, whole: bool) -> Statement | None:
    found: list[Token] = []
    selects = False  # whether a SELECT stands after the table and before the last token
    for token in tokens(sql):
        selects = selects or (len(found) >= _SHORTEST_INSERT and found[-1].word in _SELECTS)
        found.append(token)
        if not whole and (found[0].word != "INSERT" or selects):
            return None
        if found[0].word == "INSERT" and not selects and _rows_follow(found):
            break
    else:
        return _without_rows(sql, tuple(found)) if whole else None
    _refuse_disk(found)
    named = _names_format(found)
    data_start = _data_start(sql, found[-1]) if named else found[-1].end
    if sql[data_start:] in {b"", b"\r"} and not whole:
        return None
    head = sql[: found[-2 if named else -1].start]
    format_ = found[-1].identifier if named else "Values"
    return Statement(Kind.INSERT_ROWS, "INSERT", head, format_, data_start, tuple(found))


def killed_query(statement: Statement) -> str:
    """Return the id in the one form of KILL with which drivers cancel; else an empty string."""
    written = [token.raw.upper() for token in statement.tokens]
    found = statement.tokens[len(_KILL) : len(_KILL) + 1]
    text = found[0].raw if found and found[0].kind == "text" else b""
    if written[: len(_KILL)] != _KILL or not set(written[len(_KILL) + 1 :]) <= _KILL_ENDS:
        return ""
    return text[1:-1].decode(errors="replace") if text.startswith(b"'") else ""


def settings_changed(statement: Statement) -> set[str]:
    """Return the names of the settings that a SET statement changes for its session."""
    level = [token for token in statement.tokens if not token.depth]
    named = {after.identifier for token, after in pairwise(level) if token.raw == b","}
    return named | {level[1].identifier} if statement.verb == "SET" and level[1:] else set()


def _rows_follow(found: list[Token]) -> bool:
    """Return whether the rows start after the last token: VALUES, or the name of a format."""
    if len(found) < _SHORTEST_INSERT or found[-1].depth:
        return False
    values = found[-1].word == "VALUES" and not _names_table(found)
    return values or _names_format(found)


def _names_format(found: list[Token]) -> bool:
    last, before = found[-1], found[-2]
    named = before.word == "FORMAT" and not before.depth and last.kind == "word"
    return named and len(found) > _SHORTEST_INSERT and not _names_table(found[:-1])


def _names_table(found: list[Token]) -> bool:
    """Return whether the last token is the table's name, which may be a word of SQL."""
    return found[-2].raw == b"." or found[-2].word in {"INTO", "TABLE"}


def _data_start(sql: bytes, name: Token) -> int:
    """Return where the rows start after the name of their format."""
    position = name.end
    while sql[position : position + 1] in {b" ", b"\t", b"\f"}:
        position += 1
    if sql[position : position + 2] == b"\r\n":
        return position + 2
    return position + (sql[position : position + 1] == b"\n")


def _without_rows(sql: bytes, found: tuple[Token, ...]) -> Statement:
    ends = [place for place, token in enumerate(found) if token.raw == b";"]
    parts = found[: ends[0]] if ends else found
    _refuse_no_statement(parts)
    if any(token.raw != b";" for token in found[len(parts) :]):
        raise refused(SYNTAX_ERROR, "Multi-statements are not allowed: send one at a time.")
    _refuse_disk(list(parts))
    _refuse_kafka(parts)
    text = sql[: parts[-1].end]
    if parts[0].word == "INSERT" and not _selects(parts):
        return Statement(Kind.INSERT_ROWS, "INSERT", text, None, len(sql), parts)
    return Statement(_kind(parts), parts[0].word, text, _format(parts), len(sql), parts)


def _refuse_no_statement(parts: tuple[Token, ...]) -> None:
    if not parts:
        raise refused(SYNTAX_ERROR, "Empty query")
    if parts[-1].kind == "open":
        raise refused(SYNTAX_ERROR, "A quote or a comment is not closed.")
    # The engine would read any other text as the list of a SELECT, and ignore a part of it.
    if not (parts[0].word.isascii() and parts[0].word) and parts[0].raw != b"(":
        raise refused(SYNTAX_ERROR, "A statement begins with a word, such as SELECT.")


def _selects(found: tuple[Token, ...]) -> bool:
    return any(token.word in _SELECTS for token in found)


def _kind(found: tuple[Token, ...]) -> Kind:
    verb = found[0].word
    if verb in _REPORTS:
        return Kind.REPORT
    if verb in {"SELECT", "FROM"} or found[0].raw == b"(":
        return Kind.SELECT
    return Kind.SELECT if verb == "WITH" and not _inserts(found) else Kind.COMMAND


def _inserts(found: tuple[Token, ...]) -> bool:
    """Return whether INSERT, not SELECT, is what WITH belongs to; both can be names, too."""
    for before, token, after in zip(found, found[1:], found[2:], strict=False):
        named = before.word == "AS" or after.word == "AS"
        if not token.depth and not named and token.word in {"SELECT", "INSERT"}:
            return token.word == "INSERT"
    return False


def _format(found: tuple[Token, ...]) -> str | None:
    level = [token for token in found if not token.depth]
    for place in range(len(level) - 2, 0, -1):
        after = level[place + 2].word if place + 2 < len(level) else "SETTINGS"
        if level[place].word == "FORMAT" and level[place + 1].word and after == "SETTINGS":
            return level[place + 1].identifier
    return None


def _refuse_disk(found: list[Token]) -> None:
    if any((first.word, second.word) in _DISK for first, second in pairwise(found)):
        raise refused(NOT_IMPLEMENTED, "INTO OUTFILE and FROM INFILE are not allowed over HTTP.")


def _refuse_kafka(found: tuple[Token, ...]) -> None:
    """Refuse the one engine that fails only after its table is there, and can then not be read."""
    words = [token for token in found if token.raw != b"="]
    engines = [after.identifier for token, after in pairwise(words) if token.word == "ENGINE"]
    if found[0].word in _MAKES_A_TABLE and "Kafka" in engines:
        raise refused(
            NOT_IMPLEMENTED,
            "ENGINE = Kafka needs a ClickHouse server: here Candlewick's sinks store the topics.",
        )
