"""Runs a parsed request: checks permissions, chooses the handle and applies the settings."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain

from candlewick.clickhouse_server.accounts import Account
from candlewick.clickhouse_server.engine import Engine, comment_of
from candlewick.clickhouse_server.errors import (
    NOT_ENOUGH_SPACE,
    SYNTAX_ERROR,
    QueryError,
    from_engine,
    refused,
)
from candlewick.clickhouse_server.external import create_table, drop_table, fill_table
from candlewick.clickhouse_server.handle import DATABASE, Handle, as_before, assign, put_back, use
from candlewick.clickhouse_server.reader_rules import (
    READER_SETTINGS,
    check_reader,
    refuse_writes,
    refuse_written_tree,
)
from candlewick.clickhouse_server.request import Asked
from candlewick.clickhouse_server.running import ENGINE_ERRORS, Answer, kept_on_disk, run
from candlewick.clickhouse_server.sessions import Sessions
from candlewick.clickhouse_server.statement import (
    Kind,
    Statement,
    killed_query,
    read_statement,
    settings_changed,
)

# Without the rows of an insert. Source: ClickHouse, the default of max_query_size.
_LONGEST_STATEMENT = 256 << 10
_TOO_LONG = "Max query size exceeded: it is 256 kB here, whatever max_query_size says."
_LONGEST_HELD = 4 << 20


@dataclass(frozen=True, slots=True)
class Execution:
    """Runs requests against an engine."""

    engine: Engine
    sessions: Sessions

    def answer(
        self, account: Account, asked: Asked, text: Iterator[bytes], request_id: str
    ) -> Answer:
        """Run the statement of a request.

        Args:
            account: Account that sent it.
            asked: Everything in the request except the statement.
            text: The statement, followed by any rows.
            request_id: Id by which `Engine.kill` finds the statement.

        Raises:
            QueryError: The request is not valid or not allowed, or the engine refused it.
        """
        statement, rows = _gather(text)
        try:
            if query_id := killed_query(statement):
                self.engine.kill_named(account.name, query_id)
                if not account.may_write:  # the engine knows other ids, for the writer only
                    return Answer()
            self._check(account, asked, statement)
            return self._run(account, asked, statement, rows, request_id)
        except ENGINE_ERRORS as error:
            raise from_engine(error) from error
        except OSError as error:  # a file of ours cannot be written: the disk is full
            raise refused(NOT_ENOUGH_SPACE, f"no room for the rows: {error}") from error

    def _check(self, account: Account, asked: Asked, statement: Statement) -> None:
        if asked.readonly or not account.may_write:
            self._refuse_writes(statement)
        if not account.may_write:
            functions = self.engine.source_functions
            check_reader(statement, asked.settings, asked.parameters, functions)

    def _refuse_writes(self, statement: Statement) -> None:
        try:
            refuse_writes(statement)
        except QueryError:
            # A word that is no word of SQL is a mistake of syntax. The engine only parses it: as a
            # text, not as a statement. The head of an insert alone would be half a statement.
            if statement.kind is not Kind.INSERT_ROWS:
                self.engine.parse(statement.sql)
            raise

    def _run(
        self,
        account: Account,
        asked: Asked,
        statement: Statement,
        rows: Iterator[bytes],
        request_id: str,
    ) -> Answer:
        with ExitStack() as resources:
            handle = resources.enter_context(self._handle(account, asked))
            for table in asked.tables:  # first: a reader's handle may write nothing after that
                create_table(handle, table)
                if _in_session(account, asked):
                    resources.callback(drop_table, handle, table)
                fill_table(handle, table, self.engine.rows_folder)
            resources.enter_context(_settled(handle, account, asked, statement, request_id))
            if asked.readonly and _in_session(account, asked):
                refuse_written_tree(_tree(handle, statement, asked.parameters))
            answer = run(
                handle,
                statement,
                rows,
                rows_folder=self.engine.rows_folder,
                parameters=asked.parameters,
                settings=asked.settings,
                default_format=asked.default_format,
                revision=asked.revision,
            )
            waits = asked.waits
            if answer.more is None and len(answer.body) > _LONGEST_HELD:
                # Its client may take minutes to read it, and it counts as no memory of the engine.
                answer.more, answer.body, waits = iter([answer.body]), b"", True
            if answer.more is not None:
                resources.push(answer.resources.pop_all())
                if waits:
                    kept = kept_on_disk(answer.more, self.engine.rows_folder)
                    answer.more = resources.enter_context(kept)
                answer.resources = resources.pop_all()
            return answer

    @contextmanager
    def _handle(self, account: Account, asked: Asked) -> Iterator[Handle]:
        if _in_session(account, asked):
            with self.sessions.handle(
                account.name,
                asked.session_id,
                timeout_s=asked.session_timeout_s,
                must_exist=asked.session_must_exist,
            ) as handle:
                yield handle
            return
        handle = self.engine.open_handle()
        try:
            yield handle
        finally:
            handle.close()


@contextmanager
def _settled(
    handle: Handle, account: Account, asked: Asked, statement: Statement, request_id: str
) -> Iterator[None]:
    """Apply a request's settings to a handle, and undo that if the handle is a session's.

    What the statement itself changes is the session's from then on.
    """
    settings = {
        **asked.settings,
        "log_comment": comment_of(request_id, account.name, asked.query_id),
    }
    if not account.may_write:
        settings |= READER_SETTINGS
    elif asked.readonly and not _in_session(account, asked):
        # Not in a session, where readonly cannot be undone. Level 2 still allows SELECT's SETTINGS.
        settings["readonly"] = "2"
    with ExitStack() as undone:
        if _in_session(account, asked):
            undone.callback(put_back, handle, ["log_comment"])
            names = {*asked.settings, *([DATABASE] if asked.database else [])}
            lasting = {DATABASE} if statement.verb == "USE" else settings_changed(statement)
            if names:
                undone.enter_context(as_before(handle, names, lasting))
        if asked.database:
            use(handle, asked.database)
        assign(handle, settings)
        yield


def _in_session(account: Account, asked: Asked) -> bool:
    return bool(asked.session_id) and account.may_write


def _tree(handle: Handle, statement: Statement, parameters: Mapping[str, str]) -> str:
    """Return the syntax tree that the engine makes of a statement, without running it."""
    tree = handle.query(b"EXPLAIN AST " + statement.sql, "TSVRaw", parameters)
    return "" if tree is None else tree.bytes().decode(errors="replace")


def _gather(text: Iterator[bytes]) -> tuple[Statement, Iterator[bytes]]:
    """Read until the statement is complete, and return it with the rows that follow."""
    held, look_at = bytearray(), 0
    for piece in text:
        held += piece
        if len(held) < look_at:
            continue
        statement = read_statement(bytes(held[:_LONGEST_STATEMENT]), whole=False)
        if statement is not None:
            return statement, chain([bytes(held[statement.data_start :])], text)
        if len(held) > _LONGEST_STATEMENT:
            raise refused(SYNTAX_ERROR, _TOO_LONG)
        # Parsing again at each piece would take quadratic time.
        look_at = min(2 * len(held), _LONGEST_STATEMENT + 1)
    statement = read_statement(bytes(held), whole=True)
    if statement is None:
        raise refused(SYNTAX_ERROR, "The statement has no end.")
    return statement, iter([bytes(held[statement.data_start :])])
