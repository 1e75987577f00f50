"""Restrictions of the read-only user, beyond those of the engine's own ``readonly = 1``.

The engine lets a read-only query call the scalar function ``file``, describe a remote or local
file, kill other queries and choose a schema file. All of these do more than read a table.
"""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Final

from candlewick.clickhouse_server.errors import READONLY, QueryError, refused
from candlewick.clickhouse_server.statement import Statement
from candlewick.clickhouse_server.tokens import Token

_VERBS: Final = frozenset(
    {"SELECT", "WITH", "FROM", "", "SHOW", "DESCRIBE", "DESC", "EXISTS", "EXPLAIN"}
)
_READING_TREES: Final = ("Select", "Show", "SHOW", "Describe", "Exists", "Explain")
_DISK_FUNCTIONS: Final = frozenset(
    {
        "file", "python", "aiclassify", "aiembed", "aiextract", "aifilter", "aigenerate",
        "airedact", "aisimilarity", "aitranslate",
    }
)  # fmt: skip
_RUNS_A_TEXT: Final = frozenset({"eval"})  # a statement that these rules do not see
# Those of inserts too: JDBC's driver sends them with each statement. The reader inserts nothing.
_SETTINGS: Final = frozenset(
    {
        "async_insert", "date_time_input_format", "date_time_output_format", "extremes", "final",
        "join_use_nulls", "limit", "max_block_size", "max_execution_time", "max_result_bytes",
        "max_result_rows", "max_rows_to_read", "max_threads", "offset", "result_overflow_mode",
        "session_timezone", "wait_for_async_insert",
    }
)  # fmt: skip
# System tables with statements, results and errors of other users: empty for the reader.
_OF_OTHERS: Final = (
    "asynchronous_insert_log", "asynchronous_inserts", "errors", "processes", "query_cache",
    "query_log", "query_thread_log", "query_views_log", "session_log", "stack_trace", "text_log",
    "trace_log", "user_processes", "user_query_log",
)  # fmt: skip
_NOTHING: Final = ", ".join(f"'system.{table}': '0'" for table in _OF_OTHERS)
READER_SETTINGS: Final = {"readonly": "1", "additional_table_filters": f"{{{_NOTHING}}}"}
_PASSES_FILTERS: Final = frozenset({"merge"})  # filters by name miss the tables it reads
_WRITES_A_FILE: Final = "output_format_schema"


def refuse_writes(statement: Statement) -> None:
    """Reject a statement whose first word is not one of reading.

    Raises:
        QueryError: It is another word (164).
    """
    if statement.verb not in _VERBS:
        raise _not_allowed(f"{statement.verb} does more than read")


def refuse_written_tree(tree: str) -> None:
    """Reject a statement that the engine's parser does not classify as reading.

    Args:
        tree: The output of ``EXPLAIN AST`` for the statement.

    Raises:
        QueryError: It is of another kind, for example ``WITH ... INSERT`` (164).
    """
    if not tree.startswith(_READING_TREES):
        raise _not_allowed(f"{tree.partition(' ')[0] or 'this'} does more than read")


def check_reader(
    statement: Statement,
    settings: Iterable[str],
    parameters: Mapping[str, str],
    source_functions: frozenset[str],
) -> None:
    """Reject a statement of the reader that reaches a disk, a network or a setting.

    That it is one of reading is for `refuse_writes` to say, before.

    Args:
        statement: Statement to check.
        settings: Names of the settings in the request.
        parameters: Values for ``{name:Type}``.
        source_functions: Table functions that read outside the tables, in lower case.

    Raises:
        QueryError: The statement does more than read tables (164).
    """
    for name in settings:
        if not _may_set(name):
            raise _not_allowed(f"cannot modify '{name}' setting")
    if any(_is_obscure(token) for token in statement.tokens):
        raise _not_allowed("write names and signs in plain ASCII, without escapes")
    names = {token.identifier.lower() for token in statement.tokens}
    values = {value.strip('`"').lower() for value in parameters.values()}
    called = {
        token.identifier.lower()
        for token, following in pairwise(statement.tokens)
        if following.raw == b"("
    }
    if forbidden := ((names | values) & _DISK_FUNCTIONS) | (
        called & (source_functions | _RUNS_A_TEXT)
    ):
        raise _not_allowed(f"'{min(forbidden)}' reaches outside the tables")
    if called & _PASSES_FILTERS:
        raise _not_allowed("name the tables instead of 'merge'")


def _is_obscure(token: Token) -> bool:
    """Return whether the engine might read a token differently from `tokens`."""
    if token.kind == "text":
        return not token.raw.startswith((b"'", b"$"))
    return not token.raw.isascii() or (token.kind == "quoted" and b"\\" in token.raw)


def _may_set(name: str) -> bool:
    return name in _SETTINGS or (name.startswith("output_format_") and name != _WRITES_A_FILE)


def _not_allowed(reason: str) -> QueryError:
    return refused(READONLY, f"Cannot execute query in readonly mode: {reason}.")
