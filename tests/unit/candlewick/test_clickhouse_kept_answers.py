"""What the local ClickHouse keeps on the disk until its client has read it."""

import errno
import shutil
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from candlewick.clickhouse_server.running import kept_on_disk

MEGABYTE = 1 << 20


def megabytes(count: int) -> Iterator[bytes]:
    for number in range(count):
        yield bytes([number]) * MEGABYTE


def test_an_answer_that_is_kept_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    tracemalloc.start()
    try:
        with kept_on_disk(megabytes(60), tmp_path) as kept:
            read = sum(len(piece) for piece in kept)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert read == 60 * MEGABYTE
    assert peak < 10 * MEGABYTE


@pytest.mark.parametrize(("free", "pieces"), [(400e6, 100), (550e6, 1)])
def test_an_answer_that_would_fill_the_disk_is_refused_before_the_stack_must_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: float, pieces: int
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    answer = (bytes(100 * MEGABYTE // pieces) for _ in range(pieces))

    with (
        pytest.raises(OSError, match="less than 500 MB") as refused,
        kept_on_disk(answer, tmp_path),
    ):
        pass

    assert refused.value.errno == errno.ENOSPC
    assert list(tmp_path.iterdir()) == []
