"""ClickHouse for the sinks: inserts rows under a token, and removes refused trades."""

from collections.abc import Sequence

from clients.clickhouse import Client, answered, connect_writer
from clients.clickhouse_errors import writer_login
from schemas.errors import Transient
from schemas.settings import ClickHouseSettings
from sinks.refused_trades import RefusedTrades
from sinks.tables import CandleKey, Table

INSERT_S = 60.0  # a whole insert


class ClickHouse:
    """A connection to ClickHouse, opened at its first use and again after a loss."""

    def __init__(self, settings: ClickHouseSettings) -> None:
        self._settings = settings
        self._login = writer_login(settings)
        self._client: Client | None = None

    def remove_trades(self, refused: RefusedTrades) -> None:
        """Remove trades; repeating it changes nothing. Raises as `insert` does."""
        try:
            answered(
                self._login,
                "removing refused trades",
                lambda: self._remove(refused),
                limit_s=INSERT_S,
            )
        except Transient:
            self._client = None
            raise

    def insert(self, table: Table, rows: bytes, *, token: str) -> None:
        """Insert rows; repeating it with the same token changes nothing.

        Raises:
            Transient: ClickHouse is unreachable or busy; the rows may or may not be stored.
            PoisonMessage: ClickHouse refuses these rows.
            ContractMismatch: The table differs from what this version expects.
            ConfigurationError: ClickHouse refuses the login.
        """
        try:
            answered(
                self._login,
                f"insert into {table.name}",
                lambda: self._insert(table, rows, token),
                limit_s=INSERT_S,
                rows=rows,
            )
        except Transient:
            self._client = None  # the insert may still run; its token makes a second one harmless
            raise

    def keep_revisions(self, table: Table, candles: Sequence[CandleKey]) -> None:
        """Copy the rows of candles into `candle_revisions`, before later ones replace them.

        A row that is copied again is the same row. Raises as `insert` does.
        """
        try:
            answered(
                self._login,
                "keeping earlier revisions",
                lambda: self._copy(table, candles),
                limit_s=INSERT_S,
            )
        except Transient:
            self._client = None
            raise

    def _copy(self, table: Table, keys: Sequence[CandleKey]) -> None:
        client = self._connected()
        if self._settings.cluster is not None:
            # This replica may not have yet what another one took, and nothing would be copied.
            client.command(f"SYSTEM SYNC REPLICA {table.name} LIGHTWEIGHT")
        client.command(_copying(table, keys))

    def _remove(self, refused: RefusedTrades) -> None:
        self._connected().command(
            "DELETE FROM trades WHERE symbol = {symbol:String} AND era = {era:Int32}"
            " AND agg_id >= {first:Int64} AND agg_id < {next:Int64}"
            " AND arrayExists("
            "ids -> agg_id >= ids.1 AND agg_id < ids.2, {ids:Array(Tuple(Int64, Int64))})"
            " AND received_time = fromUnixTimestamp64Milli({received_ms:Int64}, 'UTC')",
            parameters={
                "symbol": refused.symbol,
                "era": refused.era,
                "first": min(first for first, _ in refused.ids),
                "next": max(end for _, end in refused.ids),
                "ids": [*refused.ids],
                "received_ms": refused.received_ms,
            },
            # In a cluster the others do it by themselves, and one that is away must not hold it up.
            settings={"lightweight_deletes_sync": 1},
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
            # The rows are compact already: compressing them takes longer than sending them.
            self._client = connect_writer(self._settings, compress=False)
        return self._client


def _copying(table: Table, candles: Sequence[CandleKey]) -> str:
    columns = ", ".join((*table.columns, "rank", "stored_time"))
    keys = ", ".join(
        f"({_quoted(one.interval)}, {_quoted(one.symbol)}, "
        f"fromUnixTimestamp64Milli({one.open_ms}, 'UTC'), {_quoted(one.source)})"
        for one in candles
    )
    return (
        f"INSERT INTO candle_revisions ({columns}) SELECT {columns} FROM {table.name} "  # noqa: S608 - our own words, and values in quotes
        f"WHERE (interval, symbol, open_time, source) IN ({keys})"
    )


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
