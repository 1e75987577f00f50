"""Generator of `docs/tables.md`, from a store with every migration applied."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

from candlewick.clickhouse_server.engine import Engine
from candlewick.clickhouse_server.handle import Handle, use
from schemas.errors import ContractMismatch
from schemas.migrations import migrate, read_migrations
from tools.pages.texts import MADE, TABLE_PURPOSES, TABLES_HEAD

_DATABASE: Final = "candlewick"
_MEMORY_MB: Final = 512
_COLUMNS: Final = """
SELECT c.table, t.engine, c.name, c.type, c.default_kind
FROM system.columns AS c JOIN system.tables AS t ON t.database = c.database AND t.name = c.table
WHERE c.database = currentDatabase()
ORDER BY c.table, c.position
"""
_KINDS: Final = {"View": "view", "MaterializedView": "materialized view"}


@dataclass(frozen=True, slots=True)
class StoredColumn:
    """A column of a table or view.

    Attributes:
        engine: ClickHouse's engine of the table.
        kind: How a missing value is made: empty, DEFAULT or ALIAS.
    """

    table: str
    engine: str
    name: str
    type: str
    kind: str


def stored_columns() -> list[StoredColumn]:
    """Read the columns of every table and view that the migrations create."""
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(Path(folder) / "store", memory_mb=_MEMORY_MB)
        store = _EngineStore(engine.open_handle())
        store.run(f"CREATE DATABASE {_DATABASE}")
        use(store.handle, _DATABASE)
        migrate(store, read_migrations())
        found = [StoredColumn(*row) for row in store.lines(_COLUMNS)]
        store.handle.close()
        engine.close()
    return found


def tables_page(found: Sequence[StoredColumn]) -> str:
    """Build `docs/tables.md`.

    Raises:
        ContractMismatch: A table has no line in TABLE_PURPOSES, or a line has no table.
    """
    tables = {name: list(columns) for name, columns in groupby(found, lambda c: c.table)}
    if other := tables.keys() ^ TABLE_PURPOSES.keys():
        raise ContractMismatch(f"TABLE_PURPOSES and the store differ in {', '.join(sorted(other))}")
    return TABLES_HEAD.format(made=MADE) + "".join(
        part for name in TABLE_PURPOSES for part in _section(tables[name])
    )


def _section(columns: Sequence[StoredColumn]) -> Iterator[str]:
    first = columns[0]
    yield f"\n## `{first.table}`\n\n"
    yield f"{_KINDS.get(first.engine, 'table').capitalize()}: {TABLE_PURPOSES[first.table]}.\n\n"
    yield "| column | type |\n|---|---|\n"
    for column in columns:
        computed = ", computed" if column.kind == "ALIAS" else ""
        yield f"| `{column.name}` | `{column.type}`{computed} |\n"


@dataclass(frozen=True, slots=True)
class _EngineStore:
    """The engine behind the interface that migrations need."""

    handle: Handle

    def run(self, statement: str) -> None:
        """Run one statement."""
        self.handle.query(statement.encode(), "Null", {})

    def rows(self, query: str) -> list[tuple[str, str]]:
        """Run a query and return rows of two text columns."""
        return [(one, other) for one, other in self.lines(query)]

    def lines(self, query: str) -> list[list[str]]:
        """Run a query and return rows of text columns."""
        block = self.handle.query(query.encode(), "JSONCompactEachRow", {})
        return [] if block is None else list(map(json.loads, block.bytes().decode().splitlines()))
