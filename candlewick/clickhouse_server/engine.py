"""The ClickHouse engine on one folder, and the handles through which statements reach it."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, Protocol, cast
from urllib.parse import urlencode

from chdb.state.sqlitelike import Connection

from candlewick.clickhouse_server.folder import refuse_second_owner
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


class Block(Protocol):
    """A piece of a result."""

    def bytes(self) -> bytes:
        """Its bytes, a document of its own."""

    def rows_read(self) -> int:
        """How many rows it holds."""


class Rows(Protocol):
    """A result that is fetched block by block."""

    def fetch(self) -> Block | None:
        """The next block, None after the last."""

    def cancel(self) -> None:
        """Give up."""


class Written(Protocol):
    """What an insert wrote."""

    rows_written: int
    bytes_written: int


class Inserter(Protocol):
    """An insert that takes its rows piece by piece."""

    def append(self, data: bytes) -> None:
        """Hand over a piece."""

    def finish(self) -> Written:
        """Commit."""

    def cancel(self) -> None:
        """Give up."""


class Handle(Protocol):
    """One connection to the engine; it runs one statement at a time."""

    def query(
        self,
        query: bytes,
        format: str,  # noqa: A002 - chdb's name
        params: Mapping[str, str],
    ) -> Block | None:
        """Run any statement and wait for all of its result."""

    def send_query(
        self,
        query: bytes,
        format: str,  # noqa: A002 - chdb's name
        params: Mapping[str, str],
    ) -> Rows:
        """Start a SELECT."""

    def send_insert(
        self,
        query: bytes,
        format: str,  # noqa: A002 - chdb's name
    ) -> Inserter:
        """Start an INSERT."""

    def close(self) -> None:
        """Let the connection go."""


class Engine:
    """ClickHouse's engine, sole owner of its folder while it is open."""

    def __init__(self, folder: Path, *, memory_mb: int) -> None:
        """Open the folder, making it where there is none.

        Raises:
            ConfigurationError: The folder cannot be opened; says why and what to do.
        """
        options = {"max_server_memory_usage": memory_mb << 20, **_CACHES}
        self._address = f"{folder}?{urlencode(options)}"
        folder.mkdir(parents=True, exist_ok=True)
        refuse_second_owner(folder)
        try:
            self._root = self.open_handle()
        except RuntimeError as error:
            raise ConfigurationError(f"cannot open {folder}: {error}") from error
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


def assign(handle: Handle, settings: Mapping[str, str]) -> None:
    """Set settings on a handle, all or none."""
    if settings:
        pairs = ", ".join(f"{name} = {_quoted(value)}" for name, value in settings.items())
        handle.query(f"SET {pairs}".encode(), "Null", {})


def put_back(handle: Handle, names: Iterable[str]) -> None:
    """Give settings their defaults again."""
    if pairs := ", ".join(f"{name} = DEFAULT" for name in names):
        handle.query(f"SET {pairs}".encode(), "Null", {})


def use(handle: Handle, database: str) -> None:
    """Look unqualified names up in a database."""
    name = database.replace("\\", "\\\\").replace("`", "\\`")
    handle.query(f"USE `{name}`".encode(), "Null", {})


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
