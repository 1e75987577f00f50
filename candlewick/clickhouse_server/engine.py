"""The embedded ClickHouse engine (chDB), opened on one data folder."""

from pathlib import Path
from typing import Final, cast
from urllib.parse import urlencode
from uuid import UUID

from chdb.state.sqlitelike import Connection

from candlewick.clickhouse_server.folder import (
    empty_rows_folder,
    make_folder,
    refuse_second_owner,
)
from candlewick.clickhouse_server.handle import Handle, quoted
from schemas.errors import ConfigurationError

_CACHES: Final = {
    "index_mark_cache_size": 8 << 20,
    "index_uncompressed_cache_size": 0,
    "mark_cache_size": 32 << 20,
    "mmap_cache_size": 64,
    "primary_index_cache_size": 16 << 20,
    "query_condition_cache_size": 8 << 20,
    "uncompressed_cache_size": 0,
}


_ID_LENGTH: Final = len(str(UUID(int=0)))


def comment_of(request_id: str, account: str, query_id: str) -> str:
    """Return the ``log_comment`` by which `Engine` finds a request's statement."""
    return request_id + (_comment_behind_id(account, query_id) if query_id else "")


def _comment_behind_id(account: str, query_id: str) -> str:
    return f" {account} {query_id}"


class Engine:
    """ClickHouse's engine, sole owner of its folder while it is open.

    Attributes:
        rows_folder: Folder for the rows of inserts and answers while they are on their way.
        source_functions: Table functions that read outside the tables, in lower case.
    """

    def __init__(self, folder: Path, *, memory_mb: int) -> None:
        """Open the folder, and create it if it does not exist.

        Args:
            folder: Data folder.
            memory_mb: Memory limit of the engine in megabytes.

        Raises:
            ConfigurationError: The folder cannot be opened; the message says why.
        """
        options = {"max_server_memory_usage": memory_mb << 20, **_CACHES}
        self._address = f"{folder}?{urlencode(options)}"
        make_folder(folder)
        refuse_second_owner(folder)
        try:
            self._root = self.open_handle()
        except RuntimeError as error:
            raise ConfigurationError(f"cannot open {folder}: {error}") from error
        self.rows_folder = empty_rows_folder(folder)
        self.source_functions = self._source_functions()

    def open_handle(self) -> Handle:
        """Open another handle, which the caller must close."""
        return cast("Handle", Connection(self._address))

    def parse(self, sql: bytes) -> None:
        """Parse a statement without running anything of it.

        Raises:
            ENGINE_ERRORS: It is none (62).
        """
        text = quoted(sql.decode(errors="replace"))
        handle = self.open_handle()
        try:
            handle.query(f"SELECT formatQuery({text})".encode(), "Null", {})
        finally:
            handle.close()

    def kill(self, request_id: str) -> None:
        """Ask the engine to stop the statement of a request, and return at once."""
        self._kill(f"startsWith(Settings['log_comment'], '{request_id}')")

    def kill_named(self, account: str, query_id: str) -> None:
        """Ask the engine to stop what an account runs under an id of its own choice."""
        name = quoted(_comment_behind_id(account, query_id))
        self._kill(f"substring(Settings['log_comment'], {_ID_LENGTH} + 1) = {name}")

    def kill_all(self) -> None:
        """Ask the engine to stop all statements, and return at once."""
        self._kill("1")

    def close(self) -> None:
        """Close the engine and release the folder."""
        self._root.close()

    def _kill(self, where: str) -> None:
        handle = self.open_handle()
        try:
            handle.query(f"KILL QUERY WHERE {where} ASYNC".encode(), "Null", {})
        finally:
            handle.close()

    def _source_functions(self) -> frozenset[str]:
        names = self._root.query(
            b"SELECT lower(name) FROM system.table_functions WHERE NOT allow_readonly"
            b" AND name NOT IN (SELECT name FROM system.functions)",
            "TSV",
            {},
        )
        return frozenset(names.bytes().decode().split()) if names is not None else frozenset()
