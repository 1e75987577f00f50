"""The database and its tables, made over HTTP like everything else in ClickHouse."""

import logging
from dataclasses import dataclass

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from candlewick.store.retention import change_ttls
from schemas.errors import ConfigurationError, Transient
from schemas.migrations import migrate, read_migrations
from schemas.settings import ClickHouseSettings, LifecycleSettings

PATIENCE_S = 10
logging.getLogger("clickhouse_connect").setLevel(logging.CRITICAL)  # it logs what it also raises


@dataclass(frozen=True, slots=True)
class HttpStore:
    """A ClickHouse database as the migrator wants it."""

    client: Client

    def run(self, statement: str) -> None:
        """Run one statement."""
        self.client.command(statement)

    def rows(self, query: str) -> list[tuple[str, str]]:
        """Return rows of two text columns."""
        return [(_text(a), _text(b)) for a, b in self.client.query(query).result_rows]


def connect(settings: ClickHouseSettings, *, database: str | None = None) -> Client:
    """Open a client as the user that writes.

    Raises:
        Transient: ClickHouse does not answer.
        ConfigurationError: It refuses, for example the password.
    """
    account = (settings.user, settings.password.get_secret_value())
    return _connect(settings, account, database or settings.database, PATIENCE_S)


def connect_reader(settings: ClickHouseSettings, *, answer_s: int = PATIENCE_S) -> Client:
    """Open a client as the user that may only read; raises as `connect` does.

    Args:
        settings: Where the store is.
        answer_s: Longest wait for an answer.
    """
    account = (settings.reader_user, settings.reader_password.get_secret_value())
    return _connect(settings, account, settings.database, answer_s)


def apply_migrations(settings: ClickHouseSettings) -> list[str]:
    """Create the database and bring its tables up to date; return what was applied.

    Raises:
        Transient: ClickHouse does not answer.
        ConfigurationError: It refuses.
        ContractMismatch: The tables were made by another version.
    """
    create = f"CREATE DATABASE IF NOT EXISTS {settings.database}"
    try:
        with connect(settings, database="default") as client:
            client.command(create + _on_cluster(settings.cluster))
        with connect(settings) as client:
            return migrate(HttpStore(client), read_migrations(), cluster=settings.cluster)
    except ClickHouseError as error:
        raise _translated(error, settings, settings.user) from error


def apply_lifecycle(settings: ClickHouseSettings, lifecycle: LifecycleSettings) -> list[str]:
    """Let tables keep rows as long as is set; return the tables that were changed.

    Raises:
        Transient: ClickHouse does not answer.
        ConfigurationError: It refuses.
    """
    try:
        with connect(settings) as client:
            return change_ttls(client, lifecycle, cluster=settings.cluster)
    except ClickHouseError as error:
        raise _translated(error, settings, settings.user) from error


def _connect(
    settings: ClickHouseSettings, account: tuple[str, str], database: str, answer_s: int
) -> Client:
    user, password = account
    try:
        return clickhouse_connect.get_client(
            dsn=settings.url,
            username=user,
            password=password,
            database=database,
            connect_timeout=PATIENCE_S,
            send_receive_timeout=answer_s,
            autogenerate_session_id=False,
        )
    except ClickHouseError as error:
        raise _translated(error, settings, user) from error


def _on_cluster(cluster: str | None) -> str:
    return "" if cluster is None else f" ON CLUSTER '{cluster}'"


def _translated(error: ClickHouseError, settings: ClickHouseSettings, user: str) -> Exception:
    text = str(error)
    if "AUTHENTICATION_FAILED" in text or "code 516" in text or "code 194" in text:
        return ConfigurationError(
            f"ClickHouse at {settings.url} refuses the password of {user}: set "
            "CANDLEWICK_CLICKHOUSE__PASSWORD and CANDLEWICK_CLICKHOUSE__READER_PASSWORD"
        )
    if "onnect" in text:
        return Transient(
            f"ClickHouse does not answer at {settings.url}: start it, or set "
            "CANDLEWICK_CLICKHOUSE__URL"
        )
    return ConfigurationError(f"ClickHouse refused: {text}")


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
