"""Reader of official aggTrades CSV files as blocks of trades."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from candlewick.offline.replay.lines import chunks_of
from candlewick.offline.replay.placed import Placed
from producers.binance.aggtrade_csv import TradeColumns, UnusualLinesError, read_columns
from producers.binance.csv_start import BYTE_ORDER_MARK, is_header
from producers.binance.parse import parse_agg_trade_row
from schemas.errors import ConfigurationError, PoisonMessage
from schemas.market import NO_TRADE_ID, Trade, TradeBlock

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK_TRADES = 4096  # the largest block for which the reducer's sums stay fast
_MOST_FILLS = 2**31 - 1


def archive_blocks(path: Path, symbol: str) -> Iterator[Placed]:
    """Yield the trades of a CSV file as `blocks_in` does.

    Raises:
        ConfigurationError: Also if the file cannot be read.
    """
    return blocks_in(chunks_of(path), path, symbol)


def blocks_in(chunks: Iterable[bytes], path: Path, symbol: str) -> Iterator[Placed]:
    """Yield the trades of CSV lines as blocks of consecutive ids; header lines are skipped.

    Args:
        chunks: The lines of a file, in chunks of whole lines.
        path: What the file is called.
        symbol: Whose trades they are.

    Raises:
        ConfigurationError: A line is not an aggregate trade, or ids go back.
    """
    line, newest_id = 1, NO_TRADE_ID
    for chunk in chunks:
        text, first = chunk.replace(b"\r", b""), line
        if line == 1:
            text, first = _without_start(text)
        if text:
            rows = _rows(text, path, symbol, first)
            if len(rows.columns):
                newest_id = _check_order(rows, path, newest_id)
                yield from blocks_of(rows, path, symbol)
        line += chunk.count(b"\n")


@dataclass(frozen=True, slots=True)
class Rows:
    """Trades of a file, and the number of each one's line."""

    columns: TradeColumns
    lines: Sequence[int]


def blocks_of(rows: Rows, path: Path, symbol: str) -> Iterator[Placed]:
    """Split the trades of a file into blocks of consecutive ids.

    Raises:
        ConfigurationError: A trade has no fills or too many.
    """
    columns = rows.columns
    void = columns.first_trade_id == NO_TRADE_ID
    fills = np.where(void, 0, columns.last_trade_id - columns.first_trade_id + 1)
    if np.any((fills < 1) & ~void) or np.any(fills > _MOST_FILLS):
        raise ConfigurationError(f"{path} has trades of {symbol} with impossible ids: {_REMEDY}")
    for start, end in itertools.pairwise(_cuts(columns, fills, void)):
        block = _block(columns, fills, symbol, slice(start, end))
        yield Placed(block, path, rows.lines[start:end])


def _check_order(rows: Rows, path: Path, newest_id: int) -> int:
    """Refuse ids that go back; an id that comes twice is the reducer's to judge."""
    ids = rows.columns.agg_id
    back = np.flatnonzero(np.diff(ids, prepend=newest_id) < 0)
    if not len(back):
        return int(ids[-1])
    row = int(back[0])
    before = int(ids[row - 1]) if row else newest_id
    raise ConfigurationError(
        f"{path}, line {rows.lines[row]}: ids go back from {before} to {int(ids[row])}: sort the "
        "file by its first column, or fetch it again; if it holds two markets, split it"
    )


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


def _without_start(text: bytes) -> tuple[bytes, int]:
    """Return the first lines without a header, and the number of the first that is left."""
    text = text.removeprefix(BYTE_ORDER_MARK)
    first, end, rest = text.partition(b"\n")
    return (rest, 2) if end and is_header(first) else (text, 1)


def _rows(text: bytes, path: Path, symbol: str, first_line: int) -> Rows:
    try:
        columns = read_columns(text)
    except UnusualLinesError:
        return _one_by_one(text, path, symbol, first_line)
    return Rows(columns, range(first_line, first_line + len(columns)))


def _one_by_one(text: bytes, path: Path, symbol: str, first_line: int) -> Rows:
    trades: list[Trade] = []
    lines: list[int] = []
    for line, row in enumerate(text.splitlines(), first_line):
        try:
            # Each file in a zip may begin with a header.
            if row.strip() and not is_header(row.removeprefix(BYTE_ORDER_MARK)):
                trades.append(parse_agg_trade_row(row, symbol))
                lines.append(line)
        except PoisonMessage as error:
            raise ConfigurationError(f"{path}, about line {line}: {error}") from error
    columns = TradeColumns(
        agg_id=np.array([t.agg_id for t in trades], np.int64),
        price_e8=np.array([t.price_e8 for t in trades], np.int64),
        quantity_e8=np.array([t.quantity_e8 for t in trades], np.int64),
        first_trade_id=np.array([t.first_trade_id for t in trades], np.int64),
        last_trade_id=np.array([t.last_trade_id for t in trades], np.int64),
        event_ms=np.array([t.event_ms for t in trades], np.int64),
        taker_sold=np.array([t.taker_sold for t in trades], np.bool_),
    )
    return Rows(columns, lines)
