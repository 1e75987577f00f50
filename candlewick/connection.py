"""The store for analysts: a client of ClickHouse as the user that may only read."""

from typing import TYPE_CHECKING

from candlewick.clickhouse_admin import connect_reader
from candlewick.local import reader_settings

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

    from schemas.settings import Settings

ANSWER_S = 300


def connect(settings: "Settings | None" = None) -> "Client":
    """Open a clickhouse-connect client that may only read, for `query_df` and its like.

    Args:
        settings: Where the store is. Left out: the environment, or else the stack that was
            started last in this folder.

    Raises:
        Transient: ClickHouse does not answer.
        ConfigurationError: A setting is wrong, or ClickHouse refuses, for example the password.
    """
    chosen = reader_settings() if settings is None else settings
    return connect_reader(chosen.clickhouse, answer_s=ANSWER_S)
