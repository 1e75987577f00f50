"""ClickHouse for the jobs, as the user that writes; each call has a time limit."""

from collections.abc import Sequence
from typing import Final

from clients.clickhouse import Client, answered, connect_writer
from clients.clickhouse_errors import writer_login
from schemas.settings import ClickHouseSettings

ANSWER_S: Final = 20.0
Row = Sequence[object]


def writer(settings: ClickHouseSettings) -> Client:
    """Open a client as the user that writes.

    Raises:
        Transient: ClickHouse does not answer, or cannot answer now.
        ConfigurationError: ClickHouse refuses the login.
        ContractMismatch: The tables differ from what this version expects.
    """
    return answered(
        writer_login(settings),
        "login",
        lambda: connect_writer(settings, silence_s=int(ANSWER_S)),
        limit_s=ANSWER_S,
    )


def rows(client: Client, query: str) -> Sequence[Row]:
    """Run a query and return its rows. Raises as `writer` does."""
    return answered(None, "question", lambda: client.query(query).result_rows, limit_s=ANSWER_S)


def insert(client: Client, table: str, columns: Sequence[str], found: Sequence[Row]) -> None:
    """Insert rows into a table. Raises as `writer` does."""
    answered(
        None,
        f"insert into {table}",
        lambda: client.insert(table, found, column_names=columns),
        limit_s=ANSWER_S,
    )
