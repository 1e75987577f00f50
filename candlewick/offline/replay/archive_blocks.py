"""Reader of official aggTrades CSV files as blocks of trades."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from candlewick.offline.replay.lines import chunks_of
from producers.binance.aggtrade_csv import TradeColumns, UnusualLinesError, read_columns
from producers.binance.csv_start import BYTE_ORDER_MARK, is_header
from producers.binance.parse import parse_agg_trade_row
from schemas.errors import ConfigurationError, PoisonMessage
from schemas.market import NO_TRADE_ID, Trade, TradeBlock

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK_TRADES = 4096  # the largest block for which the reducer's sums stay fast
_MOST_FILLS = 2**31 - 1


def archive_blocks(path: Path, symbol: str) -> Iterator[TradeBlock]:
    """Yield the trades of a CSV file as blocks of consecutive ids; a header line is skipped.

    Raises:
        ConfigurationError: The file cannot be read, or a line is not an aggregate trade.
    """
    line = 1
    for chunk in chunks_of(path):
        text = chunk.replace(b"\r", b"")
        if line == 1:
            text = _without_start(text)
        if text:
            yield from blocks_of(_columns(text, path, symbol, line), path, symbol)
        line += chunk.count(b"\n")


def blocks_of(columns: TradeColumns, path: Path, symbol: str) -> Iterator[TradeBlock]:
    """Split columns of trades into blocks of consecutive ids.

    Raises:
        ConfigurationError: A trade has no fills or too many.
    """
    void = columns.first_trade_id == NO_TRADE_ID
    fills = np.where(void, 0, columns.last_trade_id - columns.first_trade_id + 1)
    if np.any((fills < 1) & ~void) or np.any(fills > _MOST_FILLS):
        raise ConfigurationError(f"{path} has trades of {symbol} with impossible ids: {_REMEDY}")
    for start, end in itertools.pairwise(_cuts(columns, fills, void)):
        yield _block(columns, fills, symbol, slice(start, end))


_REMEDY = "fetch it again"


def _cuts(
    columns: TradeColumns, fills: "NDArray[np.int64]", void: "NDArray[np.bool_]"
) -> list[int]:
    first, last = columns.first_trade_id, columns.last_trade_id
    jumps = np.diff(columns.agg_id) != 1
    jumps |= (first[1:] != last[:-1] + 1) & ~void[1:] & ~void[:-1]
    runs = [0, *(np.flatnonzero(jumps) + 1).tolist(), len(fills)]
    cuts = [at for a, b in itertools.pairwise(runs) for at in range(a, b, BLOCK_TRADES)]
    return [*cuts, len(fills)]


def _block(
    columns: TradeColumns, fills: "NDArray[np.int64]", symbol: str, rows: slice
) -> TradeBlock:
    event_ms, first = columns.event_ms[rows], columns.first_trade_id[rows]
    real = first[first != NO_TRADE_ID]
    return TradeBlock(
        symbol=symbol,
        first_agg_id=int(columns.agg_id[rows.start]),
        first_trade_id=int(real[0]) if len(real) else NO_TRADE_ID,
        received_ms=int(event_ms[-1]),
        watermark_ms=0,
        event_ms=event_ms,
        price_e8=columns.price_e8[rows],
        quantity_e8=columns.quantity_e8[rows],
        fills=fills[rows].astype(np.int32),
        taker_sold=columns.taker_sold[rows].astype(np.uint8),
    )


def _without_start(text: bytes) -> bytes:
    text = text.removeprefix(BYTE_ORDER_MARK)
    first, end, rest = text.partition(b"\n")
    return rest if end and is_header(first) else text


def _columns(text: bytes, path: Path, symbol: str, first_line: int) -> TradeColumns:
    try:
        return read_columns(text)
    except UnusualLinesError:
        return _one_by_one(text, path, symbol, first_line)


def _one_by_one(text: bytes, path: Path, symbol: str, first_line: int) -> TradeColumns:
    trades: list[Trade] = []
    for line, row in enumerate(text.splitlines(), first_line):
        try:
            if row.strip():
                trades.append(parse_agg_trade_row(row, symbol))
        except PoisonMessage as error:
            raise ConfigurationError(f"{path}, about line {line}: {error}") from error
    return TradeColumns(
        agg_id=np.array([t.agg_id for t in trades], np.int64),
        price_e8=np.array([t.price_e8 for t in trades], np.int64),
        quantity_e8=np.array([t.quantity_e8 for t in trades], np.int64),
        first_trade_id=np.array([t.first_trade_id for t in trades], np.int64),
        last_trade_id=np.array([t.last_trade_id for t in trades], np.int64),
        event_ms=np.array([t.event_ms for t in trades], np.int64),
        taker_sold=np.array([t.taker_sold for t in trades], np.bool_),
    )
