"""Rows of candles that cannot be one: off the grid, impossible or out of order. Pure.

They are kept as they came, and the candles in whose place they are count as an irregular hole.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from producers.history.time_ranges import Run, Spans
from schemas.errors import PoisonMessage
from schemas.history import IrregularRow
from schemas.market import Candle, CandleSource
from schemas.rules.checks import EARLIEST_MS, LATEST_MS
from schemas.timeframe import Interval

UNKNOWN_MS: Final = -1
_LONGEST_REASON: Final = 200
_LONGEST_ROW: Final = 2_000


@dataclass(frozen=True, slots=True)
class Page:
    """An answer of REST: its candles, its irregular rows, and how many rows it had in all.

    Attributes:
        candles: In order, on the grid and inside what was asked for.
        newest_ms: Opening time of its newest row, of either kind; -1 without one.
    """

    candles: list[Candle]
    irregular: list[IrregularRow]
    rows: int
    newest_ms: int


def page_of(
    found: Sequence[Candle],
    refused: Sequence[PoisonMessage],
    series: tuple[str, Interval],
    run: Run,
    *,
    now_ms: int,
) -> Page:
    """Sort the rows of an answer into candles and irregular ones.

    Args:
        found: The readable rows, in the order of the answer.
        refused: The unusable rows, each with its JSON.
        series: Symbol and interval that were asked for.
        run: Half-open range of opening times that was asked for.
        now_ms: When the answer came, our clock.
    """
    interval = series[1]
    candles, irregular, before_ms = list[Candle](), list[IrregularRow](), run[0] - 1

    def keep(open_ms: int, row: str, reason: str) -> None:
        kept = irregular_row(
            series, CandleSource.REST, "", open_ms=open_ms, row=row, reason=reason, now_ms=now_ms
        )
        irregular.append(kept)

    for candle in found:
        if before_ms < candle.open_ms < run[1]:
            candles.append(candle)
            before_ms = candle.open_ms
        else:
            why = "is not later than the one before" if candle.open_ms < run[1] else "was not asked"
            keep(candle.open_ms, _text_of(candle), f"the candle {why}")
    for error in refused:
        cells = orjson.loads(error.raw)
        open_ms = _open_of(cells)
        is_off = open_ms != UNKNOWN_MS and interval.open_of(open_ms) != open_ms
        keep(open_ms, _joined(cells), off_grid(open_ms, interval) if is_off else str(error))
    inside = [row.open_ms for row in irregular if run[0] <= row.open_ms < run[1]]
    newest_ms = max([*inside, *(candle.open_ms for candle in candles[-1:])], default=UNKNOWN_MS)
    return Page(candles, irregular, len(found) + len(refused), newest_ms)


def irregular_row(
    series: tuple[str, Interval],
    source: CandleSource,
    file: str,
    *,
    open_ms: int,
    row: str,
    reason: str,
    now_ms: int,
) -> IrregularRow:
    """Make the record of a row; its texts are cut to what a record may have."""
    symbol, interval = series
    shown = "".join(letter if letter.isprintable() else "?" for letter in reason)
    return IrregularRow(
        symbol=symbol,
        interval=interval.value,
        source=source.value,
        file=file,
        open_ms=open_ms if EARLIEST_MS <= open_ms < LATEST_MS else UNKNOWN_MS,
        row=row[:_LONGEST_ROW],
        reason=shown[:_LONGEST_REASON],
        noticed_ms=now_ms,
    )


def off_grid(open_ms: int, interval: Interval) -> str:
    """Say how far from the grid of its interval a row opens."""
    late_s = (open_ms - interval.open_of(open_ms)) / 1000
    return f"opens {late_s:g} s after a candle of {interval.value} would"


def places_of(rows: Iterable[IrregularRow], interval: Interval) -> Spans:
    """Return the time of the grid in which the rows are; each may reach into two candles."""
    return Spans.of(_place(row, interval) for row in rows if row.open_ms != UNKNOWN_MS)


def told_of(rows: Sequence[IrregularRow], run: Run, interval: Interval) -> str:
    """Say for people which of the rows are in the place of the candles of a run."""
    inside: dict[int, IrregularRow] = {}  # one a time: several sources have the same
    for row in rows:
        start_ms, end_ms = _place(row, interval)
        if row.open_ms != UNKNOWN_MS and start_ms < run[1] and end_ms > run[0]:
            inside.setdefault(row.open_ms, row)
    first = inside[min(inside)]
    return f"irregular rows of the exchange are kept aside: {len(inside)}, the first {first.reason}"


def _place(row: IrregularRow, interval: Interval) -> Run:
    last_ms = row.open_ms + interval.ms - 1
    return interval.open_of(row.open_ms), interval.open_of(last_ms) + interval.ms


def _open_of(cells: object) -> int:
    first = cells[0] if isinstance(cells, list) and cells else None
    if isinstance(first, int) and EARLIEST_MS <= first < LATEST_MS:
        return first
    return UNKNOWN_MS


def _joined(cells: object) -> str:
    if isinstance(cells, list) and all(isinstance(cell, str | int) for cell in cells):
        return ",".join(map(str, cells))
    return orjson.dumps(cells).decode()


def _text_of(candle: Candle) -> str:
    values = (candle.open_e8, candle.high_e8, candle.low_e8, candle.close_e8, candle.volume_e8)
    return ",".join([str(candle.open_ms), *(f"{v // 10**8}.{v % 10**8:08d}" for v in values)])
