"""A connection to the engine: what chDB's own can do, and what a request sets on it."""

from collections.abc import Iterable, Mapping
from typing import Protocol


class Block(Protocol):
    """A piece of a result."""

    def bytes(self) -> bytes:
        """Its bytes, a document of its own."""

    def rows_read(self) -> int:
        """How many rows it holds."""

    def rows_written(self) -> int:
        """How many rows an insert wrote."""

    def bytes_written(self) -> int:
        """How many bytes."""


class Rows(Protocol):
    """A result that is fetched block by block."""

    def fetch(self) -> Block | None:
        """The next block, None after the last."""

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

    def close(self) -> None:
        """Let the connection go."""


def assign(handle: Handle, settings: Mapping[str, str]) -> None:
    """Set settings on a handle, all or none."""
    if settings:
        pairs = ", ".join(f"{name} = {quoted(value)}" for name, value in settings.items())
        handle.query(f"SET {pairs}".encode(), "Null", {})


def put_back(handle: Handle, names: Iterable[str]) -> None:
    """Give settings their defaults again."""
    if pairs := ", ".join(f"{name} = DEFAULT" for name in names):
        handle.query(f"SET {pairs}".encode(), "Null", {})


def use(handle: Handle, database: str) -> None:
    """Look unqualified names up in a database."""
    name = database.replace("\\", "\\\\").replace("`", "\\`")
    handle.query(f"USE `{name}`".encode(), "Null", {})


def quoted(value: str) -> str:
    """Write a text as a literal."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
