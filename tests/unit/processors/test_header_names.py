"""Names of headers are any bytes: what a worker reads of the records that have them."""

from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka.consumer.fetcher import READ_UNCOMMITTED, PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from processors.runtime.header_names import AnyNameRecords, KeptRecords
from tests.support.header_names import Named, batch_of

PLAIN, NAMELESS = ((b"contract", b"gap.v1"),), ((b"a", b""), (b"\xff\xfe", b"x"))


def records_in(records: Any, *, at: int = 0, read_by: Any = AnyNameRecords) -> list[Any]:
    place, crcs = TopicPartition("trades", 0), True
    return list(read_by(place, records, None, at, None, None, crcs, READ_UNCOMMITTED))


def a_record(number: int, headers: tuple[tuple[bytes, bytes], ...]) -> Named:
    return Named(b"BTCUSDT", b"%d" % number, headers)


def batches_of(batches: Sequence[Sequence[Named]]) -> bytes:
    raw, first = b"", 0
    for batch in batches:
        raw += batch_of(batch, first=first)
        first += len(batch)
    return raw


def test_stock_client_stops_at_a_name_that_is_not_utf8() -> None:
    raw = batch_of([a_record(0, NAMELESS)])

    with pytest.raises(UnicodeDecodeError):
        records_in(MemoryRecords(raw), read_by=PartitionRecords)


@given(
    st.lists(st.lists(st.sampled_from([PLAIN, NAMELESS, ()]), min_size=1), min_size=1),
    st.integers(0, 10),
)
def test_every_record_is_read_once_and_only_those_with_such_a_name_have_no_headers(
    batches: list[list[tuple[tuple[bytes, bytes], ...]]], at: int
) -> None:
    at = min(at, len(batches[0]) - 1)  # Kafka answers from the batch on that an offset is in
    whole = [headers for batch in batches for headers in batch]
    numbers = iter(range(len(whole)))
    raw = batches_of([[a_record(next(numbers), headers) for headers in batch] for batch in batches])

    found = records_in(KeptRecords(raw), at=at)

    assert [record.offset for record in found] == [*range(at, len(whole))]
    assert [int(record.value) for record in found] == [*range(at, len(whole))]
    assert {record.key for record in found} <= {b"BTCUSDT"}
    plain = {PLAIN: (("contract", b"gap.v1"),)}
    assert [record.headers for record in found] == [plain.get(one, ()) for one in whole[at:]]


def test_a_batch_behind_such_a_name_is_still_checked() -> None:
    good = batches_of([[a_record(0, NAMELESS)], [a_record(1, PLAIN)]])
    broken = good[:-1] + b"?"

    with pytest.raises(CorruptRecordException):
        records_in(KeptRecords(broken))
