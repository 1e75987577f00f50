"""Writes record batches into a file, Parquet or CSV, and counts what it has written."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from typing import BinaryIO, Final, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from candlewick.offline.export.kinds import DIGEST
from candlewick.offline.export.manifest import Content

GROUP_ROWS: Final = 262_144  # a row group: some ten megabytes in memory
_ALL: Final = (1 << 64) - 1
_ALWAYS_LATER_MS: Final = 2**63


class Format(StrEnum):
    """Format of the files, and the end of their names."""

    PARQUET = "parquet"
    CSV = "csv"


class _Writer(Protocol):
    def write_table(self, table: pa.Table) -> None: ...


def write_rows(
    file: BinaryIO,
    form: Format,
    tables: Iterable[pa.Table],
    *,
    time: str,
    folders: tuple[str, ...],
) -> Content:
    """Write all rows, a row group at a time.

    Args:
        file: Where to.
        form: A Parquet file leaves out the columns that the names of its folders hold. A CSV file
            has them: most of its readers do not look at folders.
        tables: Rows in order, each with its digest, which is not written; not empty.
        time: Column of the rows' time.
        folders: Those columns.

    Returns:
        What was written.
    """
    left_out = {DIGEST, *(folders if form is Format.PARQUET else ())}
    rows, digest, first_ms, last_ms = 0, 0, _ALWAYS_LATER_MS, 0
    with ExitStack() as opened:
        writer: _Writer | None = None
        for table in tables:
            # Rows of trades are in the order of their ids, and times may go back a little.
            first_ms = min(first_ms, pc.min(table[time]).value)
            last_ms = max(last_ms, pc.max(table[time]).value)
            rows += table.num_rows
            digests = np.asarray(table[DIGEST], dtype=np.uint64)
            digest = (digest + int(np.add.reduce(digests))) & _ALL
            shown = table.drop_columns([name for name in table.column_names if name in left_out])
            writer = writer or opened.enter_context(_writing(file, form, shown.schema))
            writer.write_table(shown)
    return Content(rows, f"{digest:016x}", first_ms, last_ms)


def grouped(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Yield tables that are large enough for a row group; none where there are no rows."""
    held: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        if batch.num_rows:
            held.append(batch)
            count += batch.num_rows
        if count >= GROUP_ROWS:
            yield pa.Table.from_batches(held)
            held, count = [], 0
    if held:
        yield pa.Table.from_batches(held)


@contextmanager
def _writing(file: BinaryIO, form: Format, schema: pa.Schema) -> Iterator[_Writer]:
    if form is Format.CSV:
        with pyarrow.csv.CSVWriter(file, schema) as writer:
            yield writer
        return
    writer = pq.ParquetWriter(file, schema, compression="zstd")
    try:
        yield writer
        writer.close()
    except BaseException:
        writer.is_open = False  # else its end would be written where there is no file any more
        raise
