"""Sizes of ClickHouse's tables: rows, bytes, partitions, oldest and newest row."""

from collections.abc import Sequence
from dataclasses import dataclass

from clients.clickhouse import Client, rows_of

# The column with the time of a row: the first of these that the table has.
_TIMES = ("open_time", "event_time", "time", "updated_time", "noticed_time", "changed_time")
_TABLES = r"""
SELECT name, partition_key, extract(create_table_query, '\\sTTL (.*?)(?: SETTINGS .*)?$')
FROM system.tables
WHERE database = currentDatabase() AND engine LIKE '%MergeTree'
ORDER BY name
"""
_PARTS = """
SELECT table, sum(rows), sum(bytes_on_disk), sum(data_uncompressed_bytes), uniqExact(partition)
FROM system.parts
WHERE active AND database = currentDatabase()
GROUP BY table
"""
_COLUMNS = """
SELECT table, groupArray(name)
FROM system.columns
WHERE database = currentDatabase() AND type LIKE 'DateTime64%'
GROUP BY table
"""
_AGES = """
SELECT toUnixTimestamp64Milli(min({column})), toUnixTimestamp64Milli(max({column})) FROM {table}
"""
_EMPTY = (0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class TableSize:
    """Size and age of a table.

    Attributes:
        rows: Stored rows, including those that a newer one replaces at the next merge.
        bytes: Bytes on disk.
        uncompressed_bytes: Bytes before compression.
        partition_key: Expression that assigns rows to partitions; empty for a single partition.
        ttl: Rules that delete or recompress rows, as ClickHouse writes them.
        oldest_ms: Time of the oldest row; None without rows.
        newest_ms: Time of the newest row; None without rows.
    """

    table: str
    partition_key: str
    ttl: str
    rows: int
    bytes: int
    uncompressed_bytes: int
    partitions: int
    oldest_ms: int | None
    newest_ms: int | None


def read_table_sizes(client: Client) -> list[TableSize]:
    """Return the size of every table in the database.

    Raises:
        Transient: ClickHouse does not answer.
    """
    parts = {name: sums for name, *sums in rows_of(client, _PARTS)}
    columns = {row[0]: row[1] for row in rows_of(client, _COLUMNS)}
    return [
        _size(client, row, parts.get(row[0], _EMPTY), columns.get(row[0], []))
        for row in rows_of(client, _TABLES)
    ]


def _size(
    client: Client, table: Sequence[str], sums: Sequence[int], columns: list[str]
) -> TableSize:
    name, partition_key, ttl = table
    rows, on_disk, uncompressed, partitions = sums
    column = next((time for time in _TIMES if time in columns), None)
    oldest, newest = _ages(client, name, column) if column and rows else (None, None)
    return TableSize(
        table=name,
        partition_key=partition_key,
        ttl=ttl,
        rows=rows,
        bytes=on_disk,
        uncompressed_bytes=uncompressed,
        partitions=partitions,
        oldest_ms=oldest,
        newest_ms=newest,
    )


def _ages(client: Client, table: str, column: str) -> tuple[int, int]:
    oldest, newest = rows_of(client, _AGES.format(table=table, column=column))[0]
    return oldest, newest
