"""Connections to ClickHouse over HTTP, and the creation of the database and its tables."""

from dataclasses import dataclass

from candlewick.store.retention import change_ttls
from clients.clickhouse import ClickHouseError, Client, connect_writer, meaning_of
from clients.clickhouse_errors import writer_login
from schemas.migrations import migrate, read_migrations
from schemas.settings import ClickHouseSettings, LifecycleSettings


@dataclass(frozen=True, slots=True)
class HttpStore:
    """A ClickHouse database with the interface that the migrator needs."""

    client: Client

    def run(self, statement: str) -> None:
        """Run one statement that returns no rows."""
        self.client.command(statement)

    def rows(self, query: str) -> list[tuple[str, str]]:
        """Return the rows of a query with two columns, as text."""
        return [(_text(a), _text(b)) for a, b in self.client.query(query).result_rows]


def apply_migrations(settings: ClickHouseSettings) -> list[str]:
    """Create the database and apply missing migrations; return the names of those applied.

    Raises:
        Transient: ClickHouse does not answer.
        ConfigurationError: It refuses the login.
        ContractMismatch: The tables were made by another version.
    """
    create = f"CREATE DATABASE IF NOT EXISTS {settings.database}"
    try:
        with connect_writer(settings, database="default") as client:
            client.command(create + _on_cluster(settings.cluster))
        with connect_writer(settings) as client:
            return migrate(HttpStore(client), read_migrations(), cluster=settings.cluster)
    except ClickHouseError as error:
        raise meaning_of(error, writer_login(settings)) from error


def apply_lifecycle(settings: ClickHouseSettings, lifecycle: LifecycleSettings) -> list[str]:
    """Apply the retention settings to the tables; return the names of those changed.

    Raises:
        Transient: ClickHouse does not answer.
        ConfigurationError: It refuses the login.
        ContractMismatch: The tables were made by another version.
    """
    try:
        with connect_writer(settings) as client:
            return change_ttls(client, lifecycle, cluster=settings.cluster)
    except ClickHouseError as error:
        raise meaning_of(error, writer_login(settings)) from error


def _on_cluster(cluster: str | None) -> str:
    return "" if cluster is None else f" ON CLUSTER '{cluster}'"


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
