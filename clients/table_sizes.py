"""Sizes of ClickHouse's tables: rows, bytes, partitions, oldest and newest row."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from clients.clickhouse import Client, rows_of
from schemas.growth import Growth, growth_of
from schemas.timeframe import DAY_MS

# The column with the time of a row: the first of these that the table has.
_TIMES = (
    *("open_time", "event_time", "time", "updated_time", "noticed_time", "changed_time"),
    *("measured_time", "letter_time"),
)
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
_AGE = re.compile(r"toIntervalDay\((\d+)\)")
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

    @property
    def covers_ms(self) -> int:
        """Time from its oldest to its newest row."""
        return (self.newest_ms or 0) - (self.oldest_ms or 0)

    @property
    def kept_ms(self) -> int | None:
        """How long all its rows are kept; None if any are kept for ever."""
        rules = (
            _AGE.search(rule)
            for rule in self.ttl.split(", ")
            if "RECOMPRESS" not in rule and " WHERE " not in rule
        )
        return next((int(age[1]) * DAY_MS for age in rules if age), None)


def table_growths(sizes: Iterable[TableSize]) -> Iterator[Growth]:
    """Yield the growth of each table that covers enough time to tell."""
    for one in sizes:
        grown = growth_of(
            f"table {one.table}", one.bytes, covers_ms=one.covers_ms, kept_ms=one.kept_ms
        )
        if grown is not None:
            yield grown


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
