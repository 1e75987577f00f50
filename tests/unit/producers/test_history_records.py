"""What is recorded of the candles held: enough that the next run reads little back."""

import asyncio
from typing import Any, cast

from producers.history.inventory import Held
from producers.history.page_writer import RECORD_ROWS, HeldPages
from producers.history.progress import SeriesProgress
from producers.history.time_ranges import Spans
from schemas.history import History
from schemas.timeframe import Interval
from schemas.topics import Topic

DAY_MS = Interval.ONE_DAY.ms


class Kafka:
    """Remembers the records."""

    def __init__(self) -> None:
        self.records: list[History] = []

    async def record(self, topic: Topic, record: History) -> None:
        assert topic.record is History
        self.records.append(record)


def a_track(interval: Interval, partition: int, next_offset: int, recorded: int) -> SeriesProgress:
    held = Held("BTCUSDT", interval.value, partition, next_offset, Spans(), Spans())
    held.is_recorded, held.recorded_offset = True, recorded
    return SeriesProgress(held, interval, 0, DAY_MS)


def recorded(*tracks: SeriesProgress) -> dict[str, int]:
    kafka = Kafka()
    asyncio.run(HeldPages(cast("Any", kafka), cast("Any", None)).catch_up(tracks))
    return {record.interval: record.next_offset for record in kafka.records}


def test_what_others_of_the_partition_brought_is_recorded_as_read() -> None:
    few = a_track(Interval.FIFTEEN_MINUTES, 1, 100, 100)
    many = a_track(Interval.ONE_MINUTE, 1, RECORD_ROWS + 100, RECORD_ROWS + 100)
    elsewhere = a_track(Interval.ONE_HOUR, 2, 100, 100)

    assert recorded(few, many, elsewhere) == {"15m": RECORD_ROWS + 100}
    assert recorded(few, many, elsewhere) == {}


def test_little_is_not_worth_a_record() -> None:
    few = a_track(Interval.FIFTEEN_MINUTES, 1, 100, 100)
    many = a_track(Interval.ONE_MINUTE, 1, RECORD_ROWS + 99, RECORD_ROWS)

    assert recorded(few, many) == {}
