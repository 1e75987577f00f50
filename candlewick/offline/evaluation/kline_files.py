"""Reader of candle files: official CSV or zip, REST rows as JSON lines, freqtrade's formats."""

import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson
import pyarrow as pa
from pyarrow import feather

from candlewick.offline.evaluation.kline_rows import Cell
from candlewick.offline.replay.lines import chunks_of, damage_told
from schemas.errors import ConfigurationError

Row = Sequence[Cell]
_ARROW = (b"ARROW1", b"FEA1")
_GZIP = b"\x1f\x8b"
_MOST_ROWS = 10_000  # at once
_FEATHER_COLUMNS = ("date", "open", "high", "low", "close", "volume")


def rows_of(path: Path) -> Iterator[Row]:
    """Yield the rows of a file, in its order, without reading it as a whole.

    JSON is the exception: it is read as a whole.

    Raises:
        ConfigurationError: The file cannot be read, or its contents are not rows.
    """
    with damage_told(path):
        with path.open("rb") as file:
            magic = file.read(6)
        if magic.startswith(_ARROW):
            yield from _feather_rows(path)
        elif path.name.removesuffix(".gz").endswith(".json"):
            yield from _json_rows(path, packed=magic.startswith(_GZIP))
        else:
            yield from _line_rows(path)


def _feather_rows(path: Path) -> Iterator[Row]:
    try:
        for batch in _batches(path):
            table = batch.select(_FEATHER_COLUMNS)
            stamps = table.column("date").cast(pa.timestamp("ms", tz="UTC")).cast(pa.int64())
            values = [table.column(name).to_pylist() for name in _FEATHER_COLUMNS[1:]]
            yield from zip(stamps.to_pylist(), *values, strict=True)
    except (pa.ArrowInvalid, KeyError) as error:
        raise ConfigurationError(f"{path} is not a feather file of candles: {error}") from error


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    with pa.memory_map(str(path)) as file:
        if file.read(len(_ARROW[0])) == _ARROW[0]:
            reader = pa.ipc.open_file(file)
            for number in range(reader.num_record_batches):
                for start in range(0, len(batch := reader.get_batch(number)), _MOST_ROWS):
                    yield batch.slice(start, _MOST_ROWS)
        else:  # the first version of the format knows no batches
            yield from feather.read_table(path).to_batches(_MOST_ROWS)


def _json_rows(path: Path, *, packed: bool) -> Iterator[Row]:
    text = gzip.decompress(path.read_bytes()) if packed else path.read_bytes()
    try:
        rows = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ConfigurationError(f"{path} is not JSON: {error}") from error
    if not isinstance(rows, list) or not all(isinstance(row, list) and row for row in rows):
        raise ConfigurationError(f"{path} is not a list of rows")
    yield from rows


def _line_rows(path: Path) -> Iterator[Row]:
    width = 0
    for chunk in chunks_of(path):
        for line in chunk.decode("utf-8", "replace").splitlines():
            row = _line_row(line.removeprefix("\ufeff"))
            if not row:
                continue
            width = width or len(row)
            if len(row) < width:  # the last of a file that was cut, or one in which a cell is lost
                raise ConfigurationError(
                    f"{path} has a row of {len(row)} columns where its first has {width}: fetch it "
                    f"again: {line[:80]!r}"
                )
            yield row


def _line_row(line: str) -> Row:
    if line.startswith("["):
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise ConfigurationError(f"a line is not JSON: {line[:80]!r}") from error
        return row if isinstance(row, list) else ()
    cells = [cell.strip().strip('"') for cell in line.split(",")]  # numbers, which hold no comma
    if not cells[0].isdigit():
        if any(cell.replace(".", "", 1).isdigit() for cell in cells):
            raise ConfigurationError(f"a line has no time in its first column: {line[:80]!r}")
        return ()  # a header, or an empty line
    return cells
