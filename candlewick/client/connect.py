"""The store for analysts: a client of ClickHouse as the user that may only read."""

from typing import TYPE_CHECKING

from candlewick.client.find_stack import nearby_settings
from clients.clickhouse import connect_reader

if TYPE_CHECKING:
    from clients.clickhouse import Client
    from schemas.settings import Settings

ANSWER_S = 300


def connect(settings: "Settings | None" = None) -> "Client":
    """Open a clickhouse-connect client that may only read, for `query_df` and its like.

    Args:
        settings: Where the store is. Left out: the environment, or else the stack of this folder
            or of one above it.

    Raises:
        Transient: ClickHouse does not answer.
        ConfigurationError: A setting is wrong, or ClickHouse refuses, for example the password.
    """
    chosen = nearby_settings() if settings is None else settings
    return connect_reader(chosen.clickhouse, silence_s=ANSWER_S)
