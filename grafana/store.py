"""ClickHouse as the jobs use it: the user that writes, and a limit for each whole call."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from clients.limits import within
from schemas.errors import Transient
from schemas.settings import ClickHouseSettings

ANSWER_S: Final = 20.0
CONNECT_S: Final = 5
Row = Sequence[object]
ValueT = TypeVar("ValueT")


def writer(settings: ClickHouseSettings) -> Client:
    """Open a client as the user that writes.

    Raises:
        Transient: ClickHouse does not answer.
    """
    return _answered(
        lambda: clickhouse_connect.get_client(
            dsn=settings.url,
            username=settings.user,
            password=settings.password.get_secret_value(),
            database=settings.database,
            autogenerate_session_id=False,
            connect_timeout=CONNECT_S,
            send_receive_timeout=int(ANSWER_S),
        )
    )


def rows(client: Client, query: str) -> Sequence[Row]:
    """Return the rows of a query. Raises as `writer` does."""
    return _answered(lambda: client.query(query).result_rows)


def insert(client: Client, table: str, columns: Sequence[str], found: Sequence[Row]) -> None:
    """Put rows into a table. Raises as `writer` does."""
    _answered(lambda: client.insert(table, found, column_names=columns))


def _answered(call: Callable[[], ValueT]) -> ValueT:
    try:
        return within(ANSWER_S, "ClickHouse", call)
    except ClickHouseError as error:
        raise Transient(f"ClickHouse cannot answer: {error}") from error
