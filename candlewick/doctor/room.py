"""How long the disk lasts: reads the sizes of tables and topics, and what time each covers."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isinf
from pathlib import Path
from typing import Final

from candlewick.doctor.finding import Finding, State
from candlewick.stack.folder import StackFolder
from clients.clickhouse import connect_reader
from clients.table_sizes import TableSize, read_table_sizes, table_growths
from schemas import topics
from schemas.growth import SOON_DAYS, Growth, days_until_full, growth_of
from schemas.settings import ClickHouseSettings
from schemas.topics import ALL, Cleanup, Topic

LONG_DAYS: Final = 3_650
_MOST: Final = "table trades"
_SHOWN: Final = 3
ADVICE: Final = "keep less (CANDLEWICK_LIFECYCLE__…, docs/operations.md), or make room"
# Their records are fetched in minutes and cover years: what they gain, their tables know.
_OF_TABLES: Final = {
    topics.KLINES: "klines",
    topics.SCORES: "scores",
    topics.COIN_DAYS: "coin_days",
}


@dataclass(frozen=True, slots=True)
class Lasting:
    """How long the disk lasts.

    Attributes:
        days: Days until it is full; infinity if never.
        growths: What grows.
    """

    days: float
    growths: tuple[Growth, ...]

    @property
    def is_soon(self) -> bool:
        """Whether somebody must do something now."""
        return self.days < SOON_DAYS

    @property
    def said(self) -> str:
        """The time in words: ``for years``, ``12 days``."""
        never = isinf(self.days) or self.days > LONG_DAYS
        return "for years" if never else f"{self.days:,.0f} days"


def measured(settings: ClickHouseSettings, folder: StackFolder) -> Lasting | None:
    """Measure how long the disk lasts; None while too little is stored to tell, or not on it.

    Raises:
        CandlewickError: ClickHouse does not answer.
    """
    if not folder.clickhouse.exists():  # it is another machine's, and so is its disk
        return None
    with connect_reader(settings) as client:
        sizes = read_table_sizes(client)
    found = (*table_growths(sizes), *_topics(folder, {one.table: one for one in sizes}))
    free = int(1e6 * folder.room().free_mb())
    if _MOST not in (one.name for one in found):  # what has grown for less than an hour
        return None
    return Lasting(days_until_full(free, found), found)


def lasting(settings: ClickHouseSettings, folder: StackFolder) -> Iterator[Finding]:
    """Tell after how many days the disk is full, and what grows most."""
    found = measured(settings, folder)
    if found is None:
        yield Finding("disk lasts", State.OK, "too little is stored here to tell")
        return
    growing = sorted((g for g in found.growths if g.days), key=lambda g: -g.a_day)[:_SHOWN]
    most = ", ".join(f"{g.name} {g.a_day / 1e6:,.3g} MB a day" for g in growing)
    said = f"{found.said}; most for {most}" if most else found.said
    if found.is_soon:
        yield Finding("disk lasts", State.NOTE, said, ADVICE)
    else:
        yield Finding("disk lasts", State.OK, said)


def _topics(folder: StackFolder, tables: dict[str, TableSize]) -> Iterator[Growth]:
    for topic in ALL:
        places = list((folder.kafka / "logs").glob(f"{topic.name}-[0-9]*"))
        if not places:
            continue
        size = sum(_size(file) for place in places for file in place.iterdir())
        table = tables.get(_OF_TABLES.get(topic, ""))
        covers_ms = _age_ms(places) if table is None else table.covers_ms
        if grown := growth_of(topic.name, size, covers_ms=covers_ms, kept_ms=_topic_ms(topic)):
            yield grown


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
