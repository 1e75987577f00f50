"""Klines from official files, which REST and archives serve instead of the market's."""

import gzip
import lzma
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Final

import numpy as np

from candlewick.exchange.market.columns import Candles, joined
from candlewick.exchange.market.intervals import ARCHIVED, Interval
from candlewick.exchange.market.random_by_address import I64
from candlewick.exchange.server.query_params import Range

_PLACES: Final = 8
_CELLS: Final = 11  # that are read; the archive's twelfth is not used
_FIRST_MICROSECOND: Final = 10**14  # as milliseconds this would be the year 5138
KlineFiles = dict[tuple[str, str], Candles]


def read_kline_files(paths: Sequence[Path]) -> KlineFiles:
    """Read CSV files in the archive's format, plain, .gz or .xz, named ``SYMBOL-INTERVAL...``.

    Raises:
        OSError: A file cannot be read.
        ValueError: A file name or a row is not valid, or a file is empty.
    """
    parts: dict[tuple[str, str], list[Candles]] = {}
    for path in paths:
        parts.setdefault(_named(path), []).append(_read(path))
    return {named: _in_order(joined(held)) for named, held in parts.items()}


def _read(path: Path) -> Candles:
    lines = _lines(path)
    if not lines:
        raise ValueError(f"{path.name} is empty: give a file of klines, or leave it out")
    try:
        return candles_of_lines(lines)
    except ValueError as error:
        raise ValueError(f"{path.name} is not a file of klines: {error}") from error


def _in_order(rows: Candles) -> Candles:
    # Files may overlap: each kline is served once, as the first of them has it.
    _, first = np.unique(rows.open_ms, return_index=True)
    return Candles(*(getattr(rows, field.name)[first] for field in fields(Candles)))


def given_page(given: Candles, wanted: Range, interval: Interval, *, visible_ms: int) -> Candles:
    """Return a page of closed klines, oldest first."""
    end_ms = visible_ms if wanted.end_ms is None else min(wanted.end_ms, visible_ms)
    stop = int(np.searchsorted(given.open_ms, end_ms, side="right"))
    stop = min(stop, int(np.searchsorted(interval.ends(given.open_ms), visible_ms, side="right")))
    if wanted.start_ms is None:
        return given.span(max(stop - wanted.limit, 0), stop)
    start = int(np.searchsorted(given.open_ms, wanted.start_ms, side="left"))
    return given.span(start, min(start + wanted.limit, max(stop, start)))


def given_between(given: Candles, start_ms: int, end_ms: int) -> Candles:
    """Return the klines that open in ``[start_ms, end_ms)``."""
    start, stop = np.searchsorted(given.open_ms, (start_ms, end_ms), side="left")
    return given.span(int(start), int(stop))


def _named(path: Path) -> tuple[str, str]:
    symbol, _, rest = path.name.partition("-")
    interval = rest.split(".")[0].split("-")[0]
    if interval not in ARCHIVED:
        raise ValueError(f"{path.name}: name it SYMBOL-INTERVAL.csv, for example BTCUSDT-15m.csv")
    return symbol, ARCHIVED[interval].name


def candles_of_lines(lines: Sequence[str]) -> Candles:
    """Return the klines of a CSV file's lines; times in milliseconds or microseconds.

    Raises:
        ValueError: A row is not valid.
    """
    if not lines:
        return joined([])
    cells = list(zip(*(line.split(",") for line in lines), strict=True))
    if len(cells) < _CELLS:
        raise ValueError(f"a row has {len(cells)} cells, and not the {_CELLS} of a kline")
    opened, high, low, closed, volume = (_column(cells[at], _e8) for at in range(1, 6))
    return Candles(
        open_ms=_column(cells[0], _milliseconds),
        open_e8=opened,
        high_e8=high,
        low_e8=low,
        close_e8=closed,
        volume_e8=volume,
        quote_e8=_column(cells[7], _e8),
        trades=_column(cells[8], int),
        taker_e8=_column(cells[9], _e8),
        taker_quote_e8=_column(cells[10], _e8),
        first_trade_id=np.zeros(len(lines), np.int64),
    )


def _lines(path: Path) -> list[str]:
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    elif path.suffix == ".xz":
        data = lzma.decompress(data)
    return data.decode().splitlines()


def _milliseconds(text: str) -> int:
    time = int(text)
    return time // 1000 if time >= _FIRST_MICROSECOND else time


def _column(cells: Sequence[str], read: Callable[[str], int]) -> I64:
    return np.array([read(text) for text in cells], np.int64)


def _e8(text: str) -> int:
    whole, _, fraction = text.partition(".")
    return int(whole + fraction.ljust(_PLACES, "0"))
