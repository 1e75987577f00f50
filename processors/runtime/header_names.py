"""Reading of records whose headers have names that are not UTF-8; Kafka takes any bytes as a name.

At such a record aiokafka raises UnicodeDecodeError, at each fetch once more, and its partition
stands still. Here it and what was fetched behind it are decoded by the library's slower decoder,
which is given bytes that turn into text whatever they are. The record then has no headers.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, SupportsIndex

from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy


def read_any_header_names() -> None:
    """Have all consumers of this process read records with any names of headers."""
    fetcher.MemoryRecords = KeptRecords
    fetcher.PartitionRecords = AnyNameRecords


class KeptRecords(MemoryRecords):  # type: ignore[misc] # the client is untyped
    """Fetched records of a partition, with their bytes."""

    def __init__(self, raw: bytes) -> None:
        super().__init__(raw)
        self.raw = raw


class AnyNameRecords(PartitionRecords):  # type: ignore[misc] # likewise
    """Records of a partition, in their order."""

    _records: Any

    def _unpack_records(self) -> Iterator[Any]:
        try:
            yield from super()._unpack_records()
        except UnicodeDecodeError:
            self._records = _SlowRecords(self._records.raw, self.next_fetch_offset)
            for record in super()._unpack_records():
                yield record if _has_names(record) else replace(record, headers=())


class _SlowRecords(_MemoryRecordsPy):  # type: ignore[misc] # likewise
    """Fetched records from the batch of an offset on."""

    def __init__(self, raw: bytes, offset: int) -> None:
        super().__init__(raw)
        # A batch that was read already would set the position back to its end.
        while self.has_next() and _SlowBatch(self._next_slice).next_offset <= offset:
            self._cache_next()

    def next_batch(self) -> Any:  # noqa: ANN401 - aiokafka's, untyped
        batch = _SlowBatch(self._next_slice)
        self._cache_next()
        return batch


class _SlowBatch(_DefaultRecordBatchPy):  # type: ignore[misc] # likewise
    """A batch of records, of the one format that has headers."""

    _buffer: bytearray

    def __iter__(self) -> Any:  # noqa: ANN401 - likewise
        super().__iter__()
        self._buffer = _AnyText(self._buffer)
        return self


class _AnyText(bytearray):
    """Bytes that can be decoded whatever they are, like all of their parts."""

    def __getitem__(self, place: SupportsIndex | slice) -> Any:  # noqa: ANN401 - an int, or bytes
        found = super().__getitem__(place)
        return _AnyText(found) if isinstance(place, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "surrogateescape") -> str:
        return super().decode(encoding, errors)


def _has_names(record: Any) -> bool:  # noqa: ANN401 - likewise
    try:
        "".join(name for name, _ in record.headers).encode()
    except UnicodeEncodeError:
        return False
    return True
