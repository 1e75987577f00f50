"""Connections to ClickHouse over HTTP, and the creation of the database and its tables."""

from dataclasses import dataclass
from typing import Final

from candlewick.store.retention import change_ttls
from clients.clickhouse import LONGEST_S, ClickHouseError, Client, connect_writer, meaning_of
from clients.clickhouse_errors import writer_login
from schemas.errors import ConfigurationError
from schemas.migrations import migrate, read_migrations
from schemas.settings import ClickHouseSettings, LifecycleSettings

_SIZE: Final = """
SELECT uniqExact(shard_num), count() FROM system.clusters WHERE cluster = {cluster:String}
"""


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
        ConfigurationError: There is no such cluster, it has more than one shard, or not all of its
            replicas are there.
        ContractMismatch: The tables were made by another version.
    """
    create = f"CREATE DATABASE IF NOT EXISTS {settings.database}"
    try:
        with connect_writer(settings, database="default") as client:
            if settings.cluster is not None:
                size = client.query(_SIZE, {"cluster": settings.cluster}).result_rows[0]
                shards, replicas = map(int, size)
                refuse_shards(settings.cluster, shards)
                refuse_part(settings.cluster, replicas, wanted=settings.replicas)
            client.command(create + _on_cluster(settings.cluster))
        with connect_writer(settings, silence_s=round(LONGEST_S)) as client:
            return migrate(HttpStore(client), read_migrations(), cluster=settings.cluster)
    except ClickHouseError as error:
        raise meaning_of(error, writer_login(settings)) from error


def refuse_shards(cluster: str, shards: int) -> None:
    """Refuse a cluster that does not have exactly one shard.

    Args:
        cluster: Its name.
        shards: How many it has; 0 where ClickHouse does not know it.

    Raises:
        ConfigurationError: It has another number.
    """
    name = "CANDLEWICK_CLICKHOUSE__CLUSTER"
    if shards == 0:
        raise ConfigurationError(
            f"ClickHouse knows no cluster {cluster}: set {name} to one of its system.clusters"
        )
    if shards > 1:
        raise ConfigurationError(
            f"the cluster {cluster} has {shards} shards, and a query would see those of one only: "
            f"set {name} to a cluster of one shard with replicas"
        )


def refuse_part(cluster: str, replicas: int, *, wanted: int) -> None:
    """Refuse a cluster that is still being set up: its later replicas would have no tables.

    Args:
        cluster: Its name.
        replicas: How many ClickHouse knows.
        wanted: How many there must be.

    Raises:
        ConfigurationError: There are fewer.
    """
    if replicas < wanted:
        raise ConfigurationError(
            f"the cluster {cluster} has {replicas} of {wanted} replicas, and the others would have "
            "no tables: wait until they are there, or set CANDLEWICK_CLICKHOUSE__REPLICAS"
        )


def apply_lifecycle(settings: ClickHouseSettings, lifecycle: LifecycleSettings) -> list[str]:
    """Apply the retention settings to the tables; return the names of those changed.

    Raises:
        Transient: ClickHouse does not answer.
        ConfigurationError: It refuses the login.
        ContractMismatch: The tables were made by another version.
    """
    try:
        with connect_writer(settings, silence_s=round(LONGEST_S)) as client:
            return change_ttls(client, lifecycle, cluster=settings.cluster)
    except ClickHouseError as error:
        raise meaning_of(error, writer_login(settings)) from error


def _on_cluster(cluster: str | None) -> str:
    return "" if cluster is None else f" ON CLUSTER '{cluster}'"


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
