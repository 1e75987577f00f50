"""Reader of candle files: official CSV or zip, REST rows as JSON lines, freqtrade's formats."""

import gzip
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import orjson
import pyarrow as pa
from pyarrow import feather

from candlewick.offline.evaluation.kline_rows import Cell, candle_of, open_ms_of
from candlewick.offline.replay.lines import chunks_of, damage_told
from schemas.errors import ConfigurationError
from schemas.market import Candle
from schemas.timeframe import Interval

Row = Sequence[Cell]
INTERVALS = (Interval.ONE_MINUTE, Interval.FIFTEEN_MINUTES)
_NAME = re.compile(r"([^\W_a-z]{2,64})(?:_([A-Z0-9]{2,8}))?-\d+[mhd]\b")
_ARROW = (b"ARROW1", b"FEA1")
_GZIP = b"\x1f\x8b"
_FEATHER_COLUMNS = ("date", "open", "high", "low", "close", "volume")


def read_candles(paths: Iterable[Path], symbol: str | None = None) -> dict[str, list[Candle]]:
    """Return the candles of each symbol in order of time, without duplicates.

    Args:
        paths: Files of 1m or 15m candles; all files of a symbol must have the same interval.
        symbol: Symbol of all files; default: that in the name of each file.

    Raises:
        ConfigurationError: A file cannot be read, or its contents are not candles.
    """
    rows: dict[str, dict[int, Row]] = {}
    for path in paths:
        found = rows.setdefault(symbol or _symbol_in(path), {})
        for row in _rows(path):
            found[open_ms_of(row)] = row
    return {name: _candles(name, found) for name, found in rows.items()}


def _symbol_in(path: Path) -> str:
    named = _NAME.match(path.name)
    if named is None:
        raise ConfigurationError(f"{path.name} does not name its pair: add --symbol")
    return named[1] + (named[2] or "")


def _candles(symbol: str, rows: dict[int, Row]) -> list[Candle]:
    times = sorted(rows)
    if not times:
        raise ConfigurationError(f"there are no candles in the files of {symbol}")
    interval = _interval(symbol, times)
    return [candle_of(rows[open_ms], symbol, interval) for open_ms in times]


def _interval(symbol: str, times: list[int]) -> Interval:
    shortest = min((after - before for before, after in pairwise(times)), default=0)
    for interval in INTERVALS:
        if interval.ms == shortest and not any(ms % interval.ms for ms in times):
            return interval
    raise ConfigurationError(
        f"the candles of {symbol} are {shortest / 60_000:g} minutes apart: give 1m or 15m candles"
    )


def _rows(path: Path) -> Iterator[Row]:
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
        table = feather.read_table(path, columns=list(_FEATHER_COLUMNS))
    except (pa.ArrowInvalid, KeyError) as error:
        raise ConfigurationError(f"{path} is not a feather file of candles: {error}") from error
    stamps = table["date"].cast(pa.timestamp("ms", tz="UTC")).cast(pa.int64())
    values = [table[name].to_pylist() for name in _FEATHER_COLUMNS[1:]]
    yield from zip(stamps.to_pylist(), *values, strict=True)


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
    for chunk in chunks_of(path):
        for line in chunk.decode("utf-8", "replace").splitlines():
            row = _line_row(line.removeprefix("\ufeff"))
            if row:
                yield row


def _line_row(line: str) -> Row:
    if line.startswith("["):
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise ConfigurationError(f"a line is not JSON: {line[:80]!r}") from error
        return row if isinstance(row, list) else ()
    cells = line.split(",")
    if not cells[0].strip().isdigit():
        if any(cell.strip().replace(".", "", 1).isdigit() for cell in cells):
            raise ConfigurationError(f"a line has no time in its first column: {line[:80]!r}")
        return ()  # a header, or an empty line
    return [cell.strip() for cell in cells]
