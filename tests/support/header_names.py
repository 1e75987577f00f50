"""Records with any bytes as names of headers, which most clients of Kafka cannot send."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

NAMELESS = (b"\xff\xfe", b"of nobody")


class Name(str):
    """A name that the client encodes as other bytes."""

    __slots__ = ("raw",)

    raw: bytes

    def encode(self, *_: object) -> bytes:
        return self.raw


@dataclass(frozen=True)
class Named:
    """A record by its bytes, and those of its headers."""

    key: bytes | None
    value: bytes
    headers: tuple[tuple[bytes, bytes], ...] = (NAMELESS,)


def batch_of(records: Sequence[Named], *, first: int = 0) -> bytes:
    """The bytes of a batch of records as Kafka keeps it."""
    made = _builder()
    for offset, record in enumerate(records):
        made.append(offset, 0, record.key, record.value, _headers(record))
    raw = bytearray(made.build())
    raw[:8] = first.to_bytes(8)  # which no checksum covers
    return bytes(raw)


def send_named(bootstrap: str, topic: str, partition: int, *records: Named) -> int:
    """Write records to a partition as one batch; return the offset of the first."""

    async def send() -> int:
        producer: Any = AIOKafkaProducer(bootstrap_servers=bootstrap)
        await producer.start()
        try:
            batch = producer.create_batch()
            batch._builder = _builder()
            for record in records:
                batch.append(
                    key=record.key, value=record.value, timestamp=None, headers=_headers(record)
                )
            sent = await producer.send_batch(batch, topic, partition=partition)
            offset: int = (await sent).offset
            return offset
        finally:
            await producer.stop()

    return asyncio.run(asyncio.wait_for(send(), 30))


def _builder() -> Any:
    return _DefaultRecordBatchBuilderPy(2, 0, 0, -1, -1, -1, 1_000_000)


def _headers(record: Named) -> list[tuple[Name, bytes]]:
    return [(_name(raw), value) for raw, value in record.headers]


def _name(raw: bytes) -> Name:
    name = Name("other")
    name.raw = raw
    return name
