"""ClickHouse over HTTP: inserts rows under a token, and says what an error means for the caller."""

from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, Error
from urllib3.exceptions import HTTPError

from clients.limits import within
from schemas import topics
from schemas.errors import (
    CandlewickError,
    ConfigurationError,
    ContractMismatch,
    PoisonMessage,
    Transient,
)
from schemas.settings import ClickHouseSettings, variable_name
from sinks.refused_trades import RefusedTrades
from sinks.tables import TABLES, Table

CONNECT_TIMEOUT_S = 5
SILENCE_S = 30  # between two bytes
INSERT_S = 60.0  # a whole insert
_LATER_S = 1.0
_BUSY_S = 5.0
# Source: ClickHouse, src/Common/ErrorCodes.cpp.
_LOGIN = {192, 193, 194, 497, 516}  # unknown user, wrong or required password, not allowed
_STRUCTURE = {8, 9, 10, 16, 20, 36, 47, 53, 60, 62, 73, 81, 115}  # no such table, column, setting
_ROWS = {6, 27, 32, 33, 69, 70, 72, 117, 131, 190, 321, 349, 395, 407, 441, 469}  # data refused
_BUSY = {3, 74, 159, 202, 203, 209, 210, 236, 241, 242, 243, 252, 285, 319, 425, 473, 722, 999}
_TOO_MANY_PARTS = 252
_PARTITIONS = "partitions for single INSERT"  # the same code as too many parts, but the rows' fault
_TRADES = next(table for table in TABLES if table.topic is topics.TRADES)


class ClickHouse:
    """A connection that is made when it is first needed, and again after it was lost."""

    def __init__(self, settings: ClickHouseSettings) -> None:
        self._settings = settings
        self._client: Client | None = None

    def insert(self, table: Table, rows: bytes, *, token: str) -> None:
        """Insert rows; a second time under the same token changes nothing.

        Raises:
            Transient: ClickHouse is away or busy; nothing is known about the rows.
            PoisonMessage: ClickHouse refuses these rows.
            ContractMismatch: The table is not as this version knows it.
            ConfigurationError: The login is refused.
        """
        what = f"ClickHouse at {self._place()} (insert into {table.name})"
        try:
            within(INSERT_S, what, lambda: self._insert(table, rows, token))
        except (ClickHouseError, HTTPError, OSError) as error:
            raise self._meaning(error, table, rows) from error
        except Transient:
            self._client = None  # the insert goes on there; done again, its token makes it harmless
            raise

    def remove_trades(self, refused: RefusedTrades) -> None:
        """Remove trades; a second time nothing happens. Raises as `insert`."""
        what = f"ClickHouse at {self._place()} (removing trades)"
        try:
            within(INSERT_S, what, lambda: self._remove(refused))
        except (ClickHouseError, HTTPError, OSError) as error:
            raise self._meaning(error, _TRADES, b"") from error
        except Transient:
            self._client = None
            raise

    def _remove(self, refused: RefusedTrades) -> None:
        self._connected().command(
            "DELETE FROM trades WHERE symbol = {symbol:String}"
            " AND agg_id >= {first:Int64} AND agg_id < {next:Int64}"
            " AND received_time = fromUnixTimestamp64Milli({received_ms:Int64}, 'UTC')",
            parameters={
                "symbol": refused.symbol,
                "first": refused.first_agg_id,
                "next": refused.next_agg_id,
                "received_ms": refused.received_ms,
            },
        )

    def _insert(self, table: Table, rows: bytes, token: str) -> None:
        self._connected().raw_insert(
            table.name,
            table.columns,
            rows,
            settings={
                "insert_deduplication_token": token,
                "insert_deduplicate": 1,
                "async_insert": 0,
            },
            fmt="RowBinary",
        )

    def _connected(self) -> Client:
        if self._client is None:
            self._client = clickhouse_connect.get_client(
                dsn=self._settings.url,
                username=self._settings.user,
                password=self._settings.password.get_secret_value(),
                database=self._settings.database,
                compress=False,
                connect_timeout=CONNECT_TIMEOUT_S,
                send_receive_timeout=SILENCE_S,
                autogenerate_session_id=False,
            )
        return self._client

    def _meaning(self, error: Exception, table: Table, rows: bytes) -> CandlewickError:
        code = error.code if isinstance(error, Error) else None
        line = _first_line(error)
        if code in _LOGIN:
            name, secret = (
                variable_name("clickhouse", "user"),
                variable_name("clickhouse", "password"),
            )
            return ConfigurationError(f"ClickHouse refuses the login, check {name} and {secret}")
        if code in _ROWS or (code == _TOO_MANY_PARTS and _PARTITIONS in line):
            return PoisonMessage(f"ClickHouse refuses the rows: {line}", raw=rows)
        if code is None or code in _BUSY:
            return Transient(
                f"ClickHouse at {self._place()} cannot take rows now: {line}",
                retry_after_s=_LATER_S if code is None else _BUSY_S,
            )
        if code in _STRUCTURE:
            return ContractMismatch(
                f"table {table.name} is not as this version needs it, apply the migrations "
                f"(`candlewick migrate`): {line}"
            )
        return ContractMismatch(f"ClickHouse refuses table {table.name}: {line}")

    def _place(self) -> str:
        return urlsplit(self._settings.url).netloc.rpartition("@")[2]


def _first_line(error: Exception) -> str:
    return (str(error).strip() or repr(error)).splitlines()[0][:300]
