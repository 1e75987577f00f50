"""Our overrides copy what stock Faust does; when it changes they must be read again."""

import hashlib
import inspect
from collections.abc import Callable
from typing import Any

import pytest
from aiokafka.consumer.fetcher import Fetcher, PartitionRecords
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy
from faust.app.base import App
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport.consumer import Consumer
from faust.transport.drivers import aiokafka
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.transport.utils import DefaultSchedulingStrategy

ORIGINALS = {
    Recovery.on_recovery_completed: "6ef567acf072e46d",
    Recovery._wait: "ec7429b70176f8c6",
    App.on_started: "c03627f2dc44a1dd",
    TableManager.recovery.fget: "f0bf5de78b4c3d23",
    Fetcher._proc_fetch_request: "59bf948fff47eed5",
    PartitionRecords._unpack_records: "b803e6d46480732c",
    _DefaultRecordBatchPy._read_msg: "0997ab7a58505c93",
    _DefaultRecordBatchPy.__iter__: "492967e59f459124",
    _MemoryRecordsPy.next_batch: "f1779ecb6d0d344c",
    _MemoryRecordsPy._cache_next: "7bb73a2eabca4ee3",
    GroupCoordinator._send_req: "fa4b12e914ce9fcf",
    GroupCoordinator._do_heartbeat: "dc1d6632aaa68e96",
    AIOKafkaConsumerThread.on_start: "38b4e8bd1e10723a",
    AIOKafkaConsumerThread.getmany: "26fc5fc9f3b667e1",
    AIOKafkaConsumerThread._fetch_records: "39a2c6c79fc1455a",
    AIOKafkaConsumerThread.seek_to_committed: "775ab0adc4b052ab",
    AIOKafkaConsumerThread.seek_wait: "12e8d34e554e9024",
    AIOKafkaConsumerThread._seek_wait: "9d221e816d940467",
    AIOKafkaConsumerThread._create_worker_consumer: "c2701bfc3e6f6cad",
    Consumer.getmany: "4b168d84882a70d6",
    Consumer._drain_messages: "44a2500309e83c63",
    Consumer._new_offset: "1d2c7ea89a7ad4f1",
    Consumer._wait_next_records: "6218e1969a636b3f",
    Consumer.ack: "5fcf41cf45153475",
    Consumer.track_message: "217d7f1399a4cd8e",
    Consumer.commit: "a354437baaa08bf8",
    Consumer._commit_tps: "a20e230b05ae8b15",
    Consumer._filter_committable_offsets: "dc5e9baf5d994485",
    Consumer._filter_tps_with_pending_acks: "f6f9239774234e7e",
    Consumer.on_buffer_full: "c8961679e0bcdce5",
    Consumer.wait_empty: "e4662fe24f094819",
    aiokafka.Consumer._to_message: "7c24f6511b2fcef7",
    aiokafka.Consumer.verify_event_path: "a17e8f0610e1abcb",
    DefaultSchedulingStrategy.iterate: "aa1147fa5c2101b8",
}


@pytest.mark.parametrize(("original", "digest"), ORIGINALS.items())
def test_what_we_override_is_what_we_read(original: Callable[..., Any], digest: str) -> None:
    source = inspect.getsource(original)

    assert hashlib.sha256(source.encode()).hexdigest()[:16] == digest
