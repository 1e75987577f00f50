"""A connection to the engine: the interface of chDB's own, and the settings of a request."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Protocol

from candlewick.clickhouse_server.errors import UNKNOWN_DATABASE, from_engine

DATABASE: Final = ""  # among the names of settings: the current database


class Block(Protocol):
    """A block of a result."""

    def bytes(self) -> bytes:
        """Return the block's bytes, a complete document in the format."""

    def rows_read(self) -> int:
        """Return the number of rows in the block."""

    def rows_written(self) -> int:
        """Return the number of rows that an insert wrote."""

    def bytes_written(self) -> int:
        """Return the number of bytes that an insert wrote."""


class Rows(Protocol):
    """A result that is fetched block by block."""

    def fetch(self) -> Block | None:
        """Return the next block, or None after the last."""

    def cancel(self) -> None:
        """Cancel the statement and discard the rest of its result."""


class Handle(Protocol):
    """One connection to the engine; it runs one statement at a time."""

    def query(
        self,
        query: bytes,
        format: str,  # noqa: A002 - chdb's name
        params: Mapping[str, str],
    ) -> Block | None:
        """Run any statement and wait for its whole result."""

    def send_query(
        self,
        query: bytes,
        format: str,  # noqa: A002 - chdb's name
        params: Mapping[str, str],
    ) -> Rows:
        """Start a SELECT and return its result block by block."""

    def close(self) -> None:
        """Close the connection."""


def assign(handle: Handle, settings: Mapping[str, str]) -> None:
    """Change settings of a handle, all or none."""
    if settings:
        pairs = ", ".join(f"{name} = {quoted(value)}" for name, value in settings.items())
        handle.query(f"SET {pairs}".encode(), "Null", {})


@contextmanager
def as_before(handle: Handle, names: Collection[str], lasting: Collection[str]) -> Iterator[None]:
    """Put settings of a handle back to what they were before.

    Args:
        handle: The handle.
        names: The settings; `DATABASE` for the current database.
        lasting: Those that stay as they are then, unless the block fails.
    """
    told = ", ".join(quoted(name) for name in names)
    settings = f"SELECT name, value FROM system.settings WHERE changed AND name IN ({told})"  # noqa: S608 - quoted
    known = handle.query(
        f"SELECT * FROM (SELECT '' AS name, currentDatabase() AS value UNION ALL {settings})"  # noqa: S608
        " SETTINGS limit = 0, offset = 0".encode(),
        "JSONCompact",
        {},
    )
    values: dict[str, str] = dict(json.loads(known.bytes())["data"] if known is not None else ())
    changed = set(names)
    try:
        yield
        changed -= set(lasting)
    finally:
        before = {name: values[name] for name in sorted(changed & values.keys())}
        database = before.pop(DATABASE, "")
        put_back(handle, sorted(changed - values.keys()))
        assign(handle, before)
        if database:
            _use_again(handle, database)


def _use_again(handle: Handle, database: str) -> None:
    try:
        use(handle, database)
    except RuntimeError as error:
        if from_engine(error).code != UNKNOWN_DATABASE:  # the statement may have dropped it
            raise


def put_back(handle: Handle, names: Iterable[str]) -> None:
    """Reset settings of a handle to their defaults."""
    if pairs := ", ".join(f"{name} = DEFAULT" for name in names):
        handle.query(f"SET {pairs}".encode(), "Null", {})


def use(handle: Handle, database: str) -> None:
    """Make a database the one in which unqualified table names are looked up."""
    name = database.replace("\\", "\\\\").replace("`", "\\`")
    handle.query(f"USE `{name}`".encode(), "Null", {})


def quoted(value: str) -> str:
    """Return a text as an SQL string literal."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
