"""How long the disk lasts: reads the sizes of tables and topics, and what time each covers."""

import re
import time
from collections.abc import Iterator, Sequence
from math import isinf
from pathlib import Path
from typing import Final

from candlewick.doctor.finding import Finding, State
from candlewick.doctor.growth import Growth, days_until_full, growth_of
from candlewick.stack.disk_room import Room
from candlewick.stack.folder import StackFolder
from candlewick.store.table_sizes import TableSize, read_table_sizes
from clients.clickhouse import connect_reader
from schemas import topics
from schemas.settings import ClickHouseSettings
from schemas.timeframe import DAY_MS
from schemas.topics import ALL, Cleanup, Topic

SOON_DAYS: Final = 7
LONG_DAYS: Final = 3_650
_SHOWN: Final = 3
_AGE: Final = re.compile(r"toIntervalDay\((\d+)\)")
# Their records are fetched in minutes and cover years: what they gain, their tables know.
_OF_TABLES: Final = {
    topics.KLINES: "klines",
    topics.SCORES: "scores",
    topics.COIN_DAYS: "coin_days",
}


def lasting(settings: ClickHouseSettings, folder: StackFolder) -> Iterator[Finding]:
    """Tell after how many days the disk is full, and what grows most."""
    with connect_reader(settings) as client:
        sizes = read_table_sizes(client)
    found = [*_tables(sizes), *_topics(folder, {one.table: one for one in sizes})]
    if not found:
        yield Finding("disk lasts", State.OK, "too little is stored yet to tell")
        return
    days = days_until_full(int(1e6 * Room(folder.nearest()).free_mb()), found)
    growing = sorted((g for g in found if g.days), key=lambda g: -g.a_day)[:_SHOWN]
    most = ", ".join(f"{g.name} {g.a_day / 1e6:,.3g} MB a day" for g in growing)
    long = "for years" if isinf(days) or days > LONG_DAYS else f"{days:,.0f} days"
    said = f"{long}; most for {most}" if most else long
    if days >= SOON_DAYS:
        yield Finding("disk lasts", State.OK, said)
    else:
        advice = "keep less (CANDLEWICK_LIFECYCLE__…, docs/operations.md), or make room"
        yield Finding("disk lasts", State.NOTE, said, advice)


def _tables(sizes: Sequence[TableSize]) -> Iterator[Growth]:
    for one in sizes:
        kept = _kept_ms(one.ttl)
        if grown := growth_of(
            f"table {one.table}", one.bytes, covers_ms=_covers(one), kept_ms=kept
        ):
            yield grown


def _topics(folder: StackFolder, tables: dict[str, TableSize]) -> Iterator[Growth]:
    for topic in ALL:
        places = list((folder.kafka / "logs").glob(f"{topic.name}-[0-9]*"))
        if not places:
            continue
        size = sum(_size(file) for place in places for file in place.iterdir())
        table = tables.get(_OF_TABLES.get(topic, ""))
        covers_ms = _age_ms(places) if table is None else _covers(table)
        if grown := growth_of(topic.name, size, covers_ms=covers_ms, kept_ms=_topic_ms(topic)):
            yield grown


def _covers(table: TableSize) -> int:
    return (table.newest_ms or 0) - (table.oldest_ms or 0)


def _kept_ms(ttl: str) -> int | None:
    ages = [_AGE.search(rule) for rule in ttl.split(", ") if "RECOMPRESS" not in rule]
    return next((int(age[1]) * DAY_MS for age in ages if age), None)


def _topic_ms(topic: Topic) -> int | None:
    if topic.cleanup is Cleanup.COMPACT:
        return 0  # it holds the newest of each key
    return None if topic.retention_ms < 0 else topic.retention_ms


def _age_ms(places: Sequence[Path]) -> int:
    """Return how long ago the first partition was made: Kafka writes this file only then."""
    made = [p.stat().st_mtime for place in places for p in place.glob("partition.metadata")]
    return int(1000 * (time.time() - min(made))) if made else 0


def _size(file: Path) -> int:
    try:
        # Kafka makes its index files larger than they are: what counts is what is on the disk.
        return file.stat().st_blocks * 512
    except FileNotFoundError:  # removed meanwhile
        return 0
