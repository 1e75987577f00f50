"""The doctor finds what is damaged in the files of Kafka, and takes nothing whole for damaged."""

from pathlib import Path

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from candlewick.doctor.finding import Finding, State
from candlewick.doctor.kafka_files import kafka_files, wrong_at
from candlewick.stack.folder import StackFolder


def a_batch(first: int, values: list[bytes]) -> bytes:
    """Bytes as a broker stores them."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=1 << 20,
    )
    for number, value in enumerate(values):
        builder.append(number, 1_700_000_000_000, b"key", value, [])
    return first.to_bytes(8) + bytes(builder.build())[8:]


def a_segment(root: Path, content: bytes) -> Path:
    partition = root / "kafka/logs/market.trades.v1-2"
    partition.mkdir(parents=True, exist_ok=True)
    log = partition / f"{0:020}.log"
    log.write_bytes(content)
    return log


def findings(root: Path) -> list[Finding]:
    return list(kafka_files(StackFolder(root), pause=lambda _: None))


BATCHES = a_batch(0, [b"a" * 200, b"b"]), a_batch(2, [b"c" * 50])


def test_whole_files_are_in_order(tmp_path: Path) -> None:
    a_segment(tmp_path, b"".join(BATCHES))

    assert [found.state for found in findings(tmp_path)] == [State.OK]


def test_zeros_behind_the_last_batch_are_no_damage(tmp_path: Path) -> None:
    assert wrong_at(a_segment(tmp_path, b"".join(BATCHES) + bytes(4096))) is None
    assert wrong_at(a_segment(tmp_path, b"")) is None


@given(place=st.integers(17, len(BATCHES[0]) - 1), bit=st.integers(0, 7))
def test_one_flipped_bit_is_found_with_its_place(
    tmp_path_factory: pytest.TempPathFactory, place: int, bit: int
) -> None:
    root, damaged = tmp_path_factory.mktemp("kafka"), bytearray(b"".join(BATCHES))
    damaged[place] ^= 1 << bit
    a_segment(root, bytes(damaged))

    (found,) = findings(root)

    assert found.state is State.WRONG
    assert "market.trades.v1-2 is damaged at byte 0 of" in found.said
    assert "candlewick down" in found.advice


@given(length=st.integers(8, len(BATCHES[1]) - 1))  # before that there are zeros only
def test_a_file_that_was_cut_is_found(
    tmp_path_factory: pytest.TempPathFactory, length: int
) -> None:
    log = a_segment(tmp_path_factory.mktemp("kafka"), BATCHES[0] + BATCHES[1][:length])

    assert wrong_at(log) == len(BATCHES[0])


def test_a_batch_that_is_being_written_is_waited_for(tmp_path: Path) -> None:
    log = a_segment(tmp_path, BATCHES[0] + BATCHES[1][:40])

    def go_on(_: float) -> None:
        log.write_bytes(b"".join(BATCHES))

    found = list(kafka_files(StackFolder(tmp_path), pause=go_on))

    assert [one.state for one in found] == [State.OK]


def test_a_folder_without_kafka_is_passed_over(tmp_path: Path) -> None:
    assert findings(tmp_path) == []
