"""Migrations: numbered SQL files, applied once each and in order; an edited file is refused."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from schemas.errors import ContractMismatch

FOLDER = Path(__file__).parent / "clickhouse"
_NAMED = re.compile(
    r"^\s*((?:CREATE (?:OR REPLACE |MATERIALIZED )?(?:TABLE|VIEW)|ALTER TABLE)"
    r"(?: IF NOT EXISTS)? \w+)"
)
# ClickHouse forgets the tokens of replicated tables after an hour, and a sink that was down for
# longer would insert its last batch again. Kafka keeps trades for so long.
_TOKENS_KEPT_S = 7 * 86_400
LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migrations
(
    name String,
    checksum FixedString(64),
    applied_time DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree
ORDER BY name"""


class Store(Protocol):
    """The part of a ClickHouse client that migrations need; it uses the right database."""

    def run(self, statement: str) -> None:
        """Run one statement."""

    def rows(self, query: str) -> list[tuple[str, str]]:
        """Return the rows of a query that selects two text columns."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One SQL file: its name, for example ``001_market``, its text and the text's SHA-256."""

    name: str
    text: str
    checksum: str

    def statements(self) -> Iterator[str]:
        """Yield each SQL statement, without comments and semicolons."""
        bare = re.sub(r"--[^\n]*", "", self.text)
        yield from (part.strip() for part in bare.split(";") if part.strip())


def read_migrations(folder: Path = FOLDER) -> list[Migration]:
    """Return the migrations of a folder in the order of their numbers."""
    return [_read(path) for path in sorted(folder.glob("[0-9][0-9][0-9]_*.sql"))]


def migrate(store: Store, migrations: list[Migration], *, cluster: str | None = None) -> list[str]:
    """Apply the migrations that are missing, and return their names.

    A process killed half-way is harmless: every statement may run twice.

    Raises:
        ContractMismatch: A file was edited after it was applied, or the store has
            migrations that this version does not know.
    """
    store.run(for_cluster(LEDGER, cluster))
    applied = dict(store.rows("SELECT name, checksum FROM schema_migrations"))
    refuse_surprises(applied, migrations)
    missing = [m for m in migrations if m.name not in applied]
    for migration in missing:
        for statement in migration.statements():
            store.run(for_cluster(statement, cluster))
        store.run(
            "INSERT INTO schema_migrations (name, checksum) "  # noqa: S608 - both are our own
            f"VALUES ('{migration.name}', '{migration.checksum}')"
        )
    return [m.name for m in missing]


def for_cluster(statement: str, cluster: str | None) -> str:
    """Return a DDL statement unchanged, or for a cluster with replicated engines.

    Source: ClickHouse documentation, "Data Replication" and "Distributed DDL Queries".
    """
    if cluster is None:
        return statement
    replicated = re.sub(r"ENGINE = (\w*MergeTree)\b", r"ENGINE = Replicated\1", statement)
    replicated = re.sub(
        r"non_(replicated_deduplication_window) = (\d+)",
        rf"\1 = \2, \1_seconds = {_TOKENS_KEPT_S}",
        replicated,
    )
    return _NAMED.sub(rf"\1 ON CLUSTER '{cluster}'", replicated)


def _read(path: Path) -> Migration:
    data = path.read_bytes()
    return Migration(path.stem, data.decode(), hashlib.sha256(data).hexdigest())


def refuse_surprises(applied: dict[str, str], migrations: list[Migration]) -> None:
    """Compare what a store has with the migrations of this version.

    Raises:
        ContractMismatch: As `migrate`.
    """
    known = {m.name: m.checksum for m in migrations}
    for name, checksum in applied.items():
        if name not in known:
            raise ContractMismatch(
                f"the store has migration {name} from a newer version: update Candlewick"
            )
        if known[name] != checksum:
            raise ContractMismatch(
                f"migration {name} was edited after it was applied: restore the file"
            )
