"""What things take on disk: a row of a table, a trade in Kafka."""

from pathlib import Path

from clickhouse_connect.driver.client import Client

from clients.table_sizes import read_table_sizes
from schemas import topics


def table_sizes(store: Client, *tables: str) -> dict[str, float]:
    """Bytes a row of tables, all parts merged, as time does it."""
    for table in tables:
        store.command(f"OPTIMIZE TABLE {table} FINAL")
    return {
        f"{size.table}, bytes a row": size.bytes / size.rows
        for size in read_table_sizes(store)
        if size.table in tables and size.rows
    }


def kafka_sizes(folder: Path, trades: int) -> dict[str, float]:
    """Bytes of each topic for each trade that was sent."""
    names = (topics.TRADES.name, topics.CANDLES.name, topics.CANDLES_LIVE.name, topics.KLINES.name)
    return {f"{name}, bytes a trade": topic_bytes(folder, name) / trades for name in names}


def topic_bytes(folder: Path, topic: str) -> int:
    """The records of a topic on disk."""
    return sum(log.stat().st_size for log in folder.rglob(f"{topic}-*/*.log"))
