"""Lines of aggTrades CSV to NumPy columns, exactly and without a loop over lines. Pure.

Source: binance-public-data, README, "AggTrades": id, price, quantity, first trade id, last trade
id, time (microseconds from 2025-01-01, milliseconds before), buyer is maker, best match. Older
files lack the last one.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from schemas.rules.checks import EARLIEST_MS, LATEST_MS

if TYPE_CHECKING:
    from numpy.typing import NDArray

FIRST_MICROSECOND = 10**14  # as milliseconds this would be the year 5138
_ZERO, _NINE, _LOWER = ord("0"), ord("9"), 0x20
_PATTERNS = [np.frombuffer(marks, np.uint8) for marks in (b",.,.,,,,,\n", b",.,.,,,,\n")]
_TIME, _MAKER = 7, 8  # cells, when a number's parts before and after the dot are two
_WIDEST = np.array([18, 10, 8, 10, 8, 18, 18, 18])  # digits: 18 fit an int64, 10 before 8 decimals
_DECIMALS = 8
_WORD = 8
_MARGIN = b"0" * 24  # so that eight bytes before the first number are there to read
_POWERS = 10 ** np.arange(19, dtype=np.int64)
_ONES, _TWOS = np.uint64(0x0F0F0F0F0F0F0F0F), np.uint64(0x00FF00FF00FF00FF)
_FOURS, _EIGHTS = np.uint64(0x0000FFFF0000FFFF), np.uint64(0xFFFFFFFF)
_TEN, _HUNDRED, _MYRIAD = np.uint64(10), np.uint64(100), np.uint64(10_000)
_EIGHT, _SIXTEEN, _THIRTY_TWO = np.uint64(8), np.uint64(16), np.uint64(32)


@dataclass(frozen=True, slots=True)
class TradeColumns:
    """Aggregate trades as they stand in a file, columns of equal length n, all int64 but the last.

    Attributes:
        taker_sold: bool[n].
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
    """The lines are not all as the archive writes them; they may still be right one by one."""


def read_columns(lines: bytes) -> TradeColumns:
    """Return the columns of whole lines, each with its line end.

    Raises:
        UnusualLinesError: A line has another shape, for example a void record's negative ids.
    """
    text = np.frombuffer(_MARGIN + lines, np.uint8)
    marks = _marks(text)
    starts = np.empty_like(marks)
    starts[:, 1:] = marks[:, :-1] + 1
    starts[1:, 0] = marks[:-1, -1] + 1
    starts[0, 0] = len(_MARGIN)
    _check(text, starts, marks)
    numbers = [_integer(text, starts[:, i], marks[:, i]) for i in range(_TIME + 1)]
    agg_id, price, price_part, quantity, quantity_part, first, last, time = numbers
    widths = marks - starts
    columns = TradeColumns(
        agg_id=agg_id,
        price_e8=_e8(price, price_part, widths[:, 2]),
        quantity_e8=_e8(quantity, quantity_part, widths[:, 4]),
        first_trade_id=first,
        last_trade_id=last,
        event_ms=np.where(time >= FIRST_MICROSECOND, time // 1000, time),
        taker_sold=widths[:, _MAKER] == len("True"),
    )
    _check_values(columns)
    return columns


def _check_values(columns: TradeColumns) -> None:
    # The line parser says which line is wrong, and why: `schemas.validation` speaks there.
    smallest = min(columns.price_e8.min(), columns.quantity_e8.min())
    oldest, newest = columns.event_ms.min(), columns.event_ms.max()
    if smallest <= 0 or oldest < EARLIEST_MS or newest >= LATEST_MS:
        raise UnusualLinesError("a void record, or what is no trade")


def _marks(text: "NDArray[np.uint8]") -> "NDArray[np.int64]":
    """Return where each cell ends, one line a row; a dot ends a cell too."""
    found = np.flatnonzero(text < _ZERO)
    for pattern in _PATTERNS:
        if len(found) and len(found) % len(pattern) == 0:
            rows = found.reshape(-1, len(pattern))
            if np.array_equal(text[rows], np.broadcast_to(pattern, rows.shape)):
                return rows
    raise UnusualLinesError("other signs between the numbers")


def _check(
    text: "NDArray[np.uint8]", starts: "NDArray[np.int64]", marks: "NDArray[np.int64]"
) -> None:
    widths = marks - starts
    narrow, wide = widths.min(axis=0), widths.max(axis=0)
    letters = int(widths[:, _MAKER:].sum())
    initials = text[starts[:, _MAKER]] | _LOWER
    maker = np.where(initials == ord("t"), len("True"), len("False"))
    if (
        narrow.min() < 1
        or np.any(wide[:_MAKER] > _WIDEST)
        or int(np.count_nonzero(text > _NINE)) != letters
        or np.any(widths[:, _MAKER] != maker)
        or not np.all((initials == ord("t")) | (initials == ord("f")))
    ):
        raise UnusualLinesError("cells that are not all as the archive writes them")


def _integer(
    text: "NDArray[np.uint8]", starts: "NDArray[np.int64]", ends: "NDArray[np.int64]"
) -> "NDArray[np.int64]":
    widths = ends - starts
    shortest, longest = int(widths.min()), int(widths.max())
    words = np.ndarray(len(text) - _WORD + 1, np.dtype("<u8"), text, strides=(1,))
    value = np.zeros(len(starts), np.int64)
    for done in range(0, longest, _WORD):
        word = words[ends - (done + _WORD)]
        if shortest < done + _WORD:
            word = _without_others(word, widths - done)
        value = value + _eight_digits(word) * _POWERS[done]
    return value


def _without_others(
    word: "NDArray[np.uint64]", digits: "NDArray[np.int64]"
) -> "NDArray[np.uint64]":
    """Put zeros in the place of the bytes before a number's first digit."""
    others = np.clip(_WORD - digits, 0, _WORD).astype(np.uint64) * np.uint64(8)
    kept = np.where(others < _WORD * 8, np.uint64(2**64 - 1) << (others & np.uint64(63)), 0)
    return word & kept


def _eight_digits(word: "NDArray[np.uint64]") -> "NDArray[np.int64]":
    """Return the numbers of eight digits each; the first digit is in the lowest byte.

    Source: D. Lemire (2022), "Quickly parsing eight digits": pairs, then fours, then eights.
    """
    digits = word & _ONES
    pairs = (digits * _TEN + (digits >> _EIGHT)) & _TWOS
    fours = (pairs * _HUNDRED + (pairs >> _SIXTEEN)) & _FOURS
    eights = (fours * _MYRIAD + (fours >> _THIRTY_TWO)) & _EIGHTS
    return eights.astype(np.int64)


def _e8(
    whole: "NDArray[np.int64]", part: "NDArray[np.int64]", digits: "NDArray[np.int64]"
) -> "NDArray[np.int64]":
    value: NDArray[np.int64] = whole * _POWERS[_DECIMALS] + part * _POWERS[_DECIMALS - digits]
    return value
