"""The ClickHouse engine on one folder."""

from pathlib import Path
from typing import Final, cast
from urllib.parse import urlencode

from chdb.state.sqlitelike import Connection

from candlewick.clickhouse_server.folder import (
    empty_rows_folder,
    make_folder,
    refuse_second_owner,
)
from candlewick.clickhouse_server.handle import Handle
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


class Engine:
    """ClickHouse's engine, sole owner of its folder while it is open.

    Attributes:
        rows_folder: Where the rows of an insert are kept until the engine has read them.
        source_functions: Table functions that read from outside, in lower case.
    """

    def __init__(self, folder: Path, *, memory_mb: int) -> None:
        """Open the folder, making it where there is none.

        Raises:
            ConfigurationError: The folder cannot be opened; says why and what to do.
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
        """A further handle; close it after use."""
        return cast("Handle", Connection(self._address))

    def kill(self, request_id: str) -> None:
        """Stop the statement of a request, without waiting until it has stopped."""
        self._kill(f"Settings['log_comment'] = '{request_id}'")

    def kill_all(self) -> None:
        """Stop every statement, likewise."""
        self._kill("1")

    def close(self) -> None:
        """Let the folder go."""
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
