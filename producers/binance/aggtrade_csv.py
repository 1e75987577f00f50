"""Parser of aggTrades CSV lines to NumPy columns, exact and without a loop over lines. Pure.

Source: binance-public-data, README, "AggTrades": id, price, quantity, first trade id, last trade
id, time (microseconds from 2025-01-01, milliseconds before), buyer is maker, best match. Older
files lack the last one.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from pyarrow import csv

from producers.binance.arrow_columns import bool_of, int64_of, price_of
from producers.binance.numbers import FIRST_MICROSECOND
from schemas.rules.checks import EARLIEST_MS, LARGEST_ID, LATEST_MS

if TYPE_CHECKING:
    from numpy.typing import NDArray

_AMOUNT: Final = pa.decimal128(38, 8)
_COLUMNS: Final = {
    "agg_id": pa.int64(),
    "price": _AMOUNT,
    "quantity": _AMOUNT,
    "first_id": pa.int64(),
    "last_id": pa.int64(),
    "time": pa.int64(),
    "maker": pa.bool_(),
    "best": pa.bool_(),
}
_NUMBERS: Final = 6  # columns of numbers; the others are true or false
_READ: Final = 7  # the last one is checked and not used
_TRUE, _FALSE = ("True", "true"), ("False", "false")
_SIGNS: Final = b"0123456789.,\n" + "".join(_TRUE + _FALSE).encode()
_DOT, _COMMA = b".,"


@dataclass(frozen=True, slots=True)
class TradeColumns:
    """Aggregate trades of a file as columns of equal length n, all int64 except the last.

    Attributes:
        taker_sold: bool[n], true where the buyer was the maker.
    """

    agg_id: "NDArray[np.int64]"
    price_e8: "NDArray[np.int64]"
    quantity_e8: "NDArray[np.int64]"
    first_trade_id: "NDArray[np.int64]"
    last_trade_id: "NDArray[np.int64]"
    event_ms: "NDArray[np.int64]"
    taker_sold: "NDArray[np.bool_]"

    def __len__(self) -> int:
        return len(self.agg_id)


class UnusualLinesError(ValueError):
    """Some lines differ from the archive's usual form; parsed one by one they may be valid."""


def read_columns(lines: bytes) -> TradeColumns:
    """Parse whole lines, each with its line end, into columns.

    Raises:
        UnusualLinesError: A line has an unusual form, for example a void record's negative ids.
    """
    try:
        table = _parsed(lines)
        columns = _columns(table)
    except (pa.ArrowException, ValueError) as error:
        raise UnusualLinesError(str(error)) from error
    _check_signs(lines, len(columns) * (table.num_columns - _NUMBERS))
    _check_values(columns)
    return columns


def _check_signs(lines: bytes, truths: int) -> None:
    # pyarrow would read `0x1` as 1, `1e2` as 100 and `.5` as a half: the line parser refuses them.
    # Each word has one `e`, and the parser has already checked that the words are in their columns.
    text = np.frombuffer(lines, np.uint8)
    dots = np.flatnonzero(text == _DOT)
    if (
        lines.translate(None, _SIGNS)
        or lines.count(b"e") != truths
        or (text[dots - 1] == _COMMA).any()
    ):
        raise UnusualLinesError("characters that the archive does not use")


def _parsed(lines: bytes) -> Any:  # noqa: ANN401 - pyarrow has no types
    first = lines[: lines.find(b"\n")]
    names = list(_COLUMNS)[: first.count(b",") + 1]
    if len(names) < _READ:
        raise UnusualLinesError(f"{len(names)} columns")
    return csv.read_csv(
        pa.py_buffer(lines),
        csv.ReadOptions(
            use_threads=False,
            block_size=len(lines) + 1,  # one block, so that each column is one piece
            column_names=names,
        ),
        # An empty line is unusual too: if it were skipped, row n would no longer be line n.
        csv.ParseOptions(quote_char=False, ignore_empty_lines=False),
        csv.ConvertOptions(
            column_types=_COLUMNS,
            null_values=[],
            true_values=list(_TRUE),
            false_values=list(_FALSE),
            check_utf8=False,
        ),
    )


def _columns(table: Any) -> TradeColumns:  # noqa: ANN401 - pyarrow has no types
    cells = {name: table.column(name).chunk(0) for name in list(_COLUMNS)[:_READ]}
    times = int64_of(cells["time"])
    return TradeColumns(
        agg_id=int64_of(cells["agg_id"]),
        price_e8=price_of(cells["price"]),
        quantity_e8=price_of(cells["quantity"]),
        first_trade_id=int64_of(cells["first_id"]),
        last_trade_id=int64_of(cells["last_id"]),
        event_ms=np.where(times >= FIRST_MICROSECOND, times // 1000, times),
        taker_sold=bool_of(cells["maker"]),
    )


def _check_values(columns: TradeColumns) -> None:
    # The line parser reports which line is wrong and why, with `schemas.validation`.
    smallest = min(columns.price_e8.min(), columns.quantity_e8.min())
    largest = max(columns.agg_id.max(), columns.first_trade_id.max())
    oldest, newest = columns.event_ms.min(), columns.event_ms.max()
    if smallest <= 0 or largest > LARGEST_ID or oldest < EARLIEST_MS or newest >= LATEST_MS:
        raise UnusualLinesError("a void record, or an invalid trade")
