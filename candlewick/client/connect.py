"""`connect`: a ClickHouse client for analysts, logged in as the read-only user."""

from typing import TYPE_CHECKING

from candlewick.client.find_stack import nearby_settings
from clients.clickhouse import connect_reader

if TYPE_CHECKING:
    from clients.clickhouse import Client
    from schemas.settings import Settings

ANSWER_S = 300


def connect(settings: "Settings | None" = None) -> "Client":
    """Open a read-only clickhouse-connect client, for `query_df` and similar calls.

    Times are of UTC and say so, in frames, rows and Parquet alike.

    Args:
        settings: Address and password of the store. Default: the environment, else the stack of
            the working directory or of a folder above it.

    Raises:
        Transient: ClickHouse does not answer.
        ConfigurationError: A setting is wrong, or ClickHouse rejects the login.
    """
    chosen = nearby_settings() if settings is None else settings
    return connect_reader(chosen.clickhouse, silence_s=ANSWER_S, times="aware")
