"""What things take on disk: a row of a table, a record in Kafka."""

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from clickhouse_connect.driver.client import Client

from bench.local_stack import running_stack
from bench.scaling.results import Run
from candlewick.client.connect import connect
from candlewick.stack.local_settings import reader_settings
from clients.clickhouse import ClickHouseError
from clients.kafka.group import GroupOffsets
from clients.table_sizes import read_table_sizes
from schemas import topics
from schemas.errors import CandlewickError
from schemas.settings import KafkaSettings

LIVE = (topics.TRADES, topics.CANDLES, topics.CANDLES_LIVE, topics.KLINES)
PAST = (topics.KLINES, topics.PREDICTIONS, topics.SCORES)
TABLES = ("klines", "predictions", "scores")
LOOK_S, PATIENCE_S = 20.0, 480.0
GROWN = 1.01  # less than that between two looks: the past has been scored
_A_DAY = """
SELECT max(held) FROM (SELECT symbol, toDate(open_time) AS day, count() AS held
    FROM {table} FINAL {where} GROUP BY symbol, day)
"""
_A_DAY_OF = {"scores": "", "predictions": "WHERE scored"}


def of_a_start(command: str) -> Run:
    """Start a demo, which fetches and scores the market's past, and weigh what it keeps."""
    run = Run("stored", command)
    with tempfile.TemporaryDirectory() as folder, running_stack("demo", Path(folder)):
        os.environ["CANDLEWICK_DATA_DIR"] = folder
        store = scored()
        run.sizes.update(table_sizes(store, TABLES))
        run.sizes.update(record_sizes(Path(folder) / "kafka", reader_settings().kafka, PAST))
        for table, where in _A_DAY_OF.items():
            query = _A_DAY.format(table=table, where=where)
            run.sizes[f"{table}, rows a symbol and day"] = _number(store, query)
        store.close()
    del os.environ["CANDLEWICK_DATA_DIR"]
    print(run.sizes, flush=True)
    return run


def scored() -> Client:
    """Wait until the past is scored, and return a client of the store."""
    rows, deadline = 0.0, time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        time.sleep(LOOK_S)
        try:
            store = connect()
            before, rows = rows, _number(store, "SELECT count() FROM scores")
        except (CandlewickError, ClickHouseError):  # it starts
            continue
        if before and rows < before * GROWN:
            return store
        store.close()
    raise RuntimeError("the past was not scored in time")


def _number(store: Client, query: str) -> float:
    return float(store.query(query).result_rows[0][0])


def table_sizes(store: Client, tables: Sequence[str]) -> dict[str, float]:
    """Bytes a row of tables."""
    return {
        f"{size.table}, bytes a row": size.bytes / size.rows
        for size in read_table_sizes(store)
        if size.table in tables and size.rows
    }


def record_sizes(
    folder: Path, kafka: KafkaSettings, which: Sequence[topics.Topic]
) -> dict[str, float]:
    """Bytes a record of topics, as they lie in the broker's folder."""
    offsets = GroupOffsets(kafka)
    ends = offsets.ends(offsets.partitions(topic.name for topic in which))
    counts = {
        topic.name: sum(end for (name, _), end in ends.items() if name == topic.name)
        for topic in which
    }
    return {
        f"{name}, bytes a record": sum(logs(folder, name)) / count
        for name, count in counts.items()
        if count
    }


def logs(folder: Path, topic: str) -> Iterator[int]:
    """The bytes of each file with records of a topic."""
    for log in folder.rglob(f"{topic}-*/*.log"):
        yield log.stat().st_size
