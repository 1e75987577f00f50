"""The candles of one symbol: inspected once, then read as a stream, however long the files are."""

import heapq
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from candlewick.offline.evaluation.find_files import INTERVALS
from candlewick.offline.evaluation.kline_files import Row, rows_of
from candlewick.offline.evaluation.kline_rows import UNREADABLE, candle_of, open_ms_of
from schemas.errors import ConfigurationError
from schemas.market import Candle, CandleStatus
from schemas.rules.market import check_figures
from schemas.timeframe import MINUTE_MS, Interval

Times = NDArray[np.int64]
Span = tuple[int, int]
ALWAYS: Span = (0, 2**62)
_Placed = tuple[int, int, Row]  # opening time, and the place of its file among those given


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found in the files of a symbol.

    Attributes:
        files: Number of files.
        twice: Number of candles that were given more than once; the file given last counts.
        disordered: Names of the files whose candles are not in order of time.
        holes: Start and end of each hole, in order.
        off_grid: Number of rows that open between two candles; they are left out.
        impossible: Number of candles that cannot be, with a high below the low or a negative
            volume for example; they count as missing.
    """

    files: int = 0
    twice: int = 0
    disordered: tuple[str, ...] = ()
    holes: tuple[Span, ...] = ()
    off_grid: int = 0
    impossible: int = 0

    @property
    def missing_minutes(self) -> int:
        """Number of minutes in all holes."""
        return sum(end - start for start, end in self.holes) // MINUTE_MS


@dataclass(frozen=True, slots=True)
class Past:
    """The candles of one symbol.

    Attributes:
        from_ms: Opening time of the first candle.
        until_ms: Closing time of the last candle.
        candles: Returns the candles anew, in order of time and each once. One that cannot be has
            the status ``gapped``.
    """

    symbol: str
    interval: Interval
    from_ms: int
    until_ms: int
    count: int
    findings: Findings
    candles: Callable[[], Iterator[Candle]]


Source = Callable[[], Past]


@dataclass(frozen=True, slots=True)
class _Part:
    """One file: its place among the files given, its first time, and whether it is in order."""

    place: int
    path: Path
    first_ms: int
    ordered: bool


def inspect(
    symbol: str, paths: Sequence[Path], span: Span = ALWAYS, wanted: Interval | None = None
) -> Past:
    """Return the candles in these files that open within the span.

    Files may overlap and come in any order.

    Raises:
        ConfigurationError: A file cannot be read, its contents are not candles, they are of two
            intervals or of another than is wanted, or there are none.
    """
    parts, times = [], []
    for place, path in enumerate(paths):
        opened = _look(path, span)
        if len(opened):
            ordered = bool((np.diff(opened) >= 0).all())
            parts.append(_Part(place, path, int(opened.min()), ordered))
            times.append(opened)
    if not parts:
        where = f"in the files of {symbol}"
        if span != ALWAYS:
            where = f"of {symbol} between --from and --to"
        raise ConfigurationError(f"there are no candles {where}")
    interval = _interval(symbol, np.unique(np.concatenate(times)))
    _check_intervals(symbol, interval, wanted, zip(parts, times, strict=True))
    everything = np.concatenate(times)
    on_grid = np.sort(everything[everything % interval.ms == 0])
    once = np.unique(on_grid)
    if not len(once):
        raise ConfigurationError(f"no candle of {symbol} opens at a whole {interval}")
    return Past(
        symbol=symbol,
        interval=interval,
        from_ms=int(once[0]),
        until_ms=int(once[-1]) + interval.ms,
        count=len(once),
        findings=Findings(
            files=len(paths),
            twice=len(on_grid) - len(once),
            disordered=tuple(part.path.name for part in parts if not part.ordered),
            holes=_holes(once, interval.ms),
            off_grid=len(everything) - len(on_grid),
        ),
        candles=partial(_candles, symbol, interval, tuple(parts), span),
    )


def _timed(path: Path) -> Iterator[tuple[int, Row]]:
    for row in rows_of(path):
        try:
            open_ms = open_ms_of(row)
        except UNREADABLE as error:
            raise ConfigurationError(
                f"{path} has a row without a time in milliseconds in its first column: {row}"
            ) from error
        yield open_ms, row


def _look(path: Path, span: Span) -> Times:
    opened = array("q")
    for open_ms, _ in _timed(path):
        if span[0] <= open_ms < span[1]:
            opened.append(open_ms)
    return np.array(opened, np.int64)


def _interval(symbol: str, times: Times) -> Interval:
    found = _interval_of(times)
    if found is None:
        raise ConfigurationError(
            f"the candles of {symbol} are {_usual_ms(times) / MINUTE_MS:g} minutes apart: "
            "give 1m or 15m candles"
        )
    return found


def _interval_of(times: Times) -> Interval | None:
    usual_ms = _usual_ms(times)
    return next((i for i in INTERVALS if i.ms == usual_ms), None)


def _usual_ms(times: Times) -> int:
    """Return the most frequent distance: on 8 February 2018 candles opened at second 14.8."""
    distances, counts = np.unique(np.diff(times), return_counts=True)
    return int(distances[np.argmax(counts)]) if len(distances) else 0


def _check_intervals(
    symbol: str, found: Interval, wanted: Interval | None, parts: Iterable[tuple[_Part, Times]]
) -> None:
    if wanted not in (None, found):
        raise ConfigurationError(f"the candles of {symbol} are of {found}: leave --interval out")
    for part, times in parts:
        its = _interval_of(np.unique(times))
        if its not in (None, found):
            raise ConfigurationError(
                f"{part.path.name} has {its} candles of {symbol}, other files have {found}: "
                "give files of one interval"
            )


def _holes(times: Times, length_ms: int) -> tuple[Span, ...]:
    after = np.flatnonzero(np.diff(times) > length_ms)
    starts, ends = times[after] + length_ms, times[after + 1]
    return tuple(zip(starts.tolist(), ends.tolist(), strict=True))


def _candles(
    symbol: str, interval: Interval, parts: Sequence[_Part], span: Span
) -> Iterator[Candle]:
    for _, same in groupby(_merged(parts, span), key=lambda placed: placed[0]):
        *_, (open_ms, _, row) = same  # the file given last counts
        if open_ms % interval.ms == 0:
            yield _checked(candle_of(row, symbol, interval))


def _checked(candle: Candle) -> Candle:
    try:
        check_figures(candle)
    except ValueError:
        return replace(candle, status=CandleStatus.GAPPED.value)
    return candle


def _merged(parts: Iterable[_Part], span: Span) -> Iterator[_Placed]:
    """Yield the rows of files in order of time; each is opened only when needed."""
    waiting = sorted(parts, key=lambda part: part.first_ms, reverse=True)
    heads: list[tuple[_Placed, Iterator[_Placed]]] = []
    while waiting or heads:
        while waiting and (not heads or waiting[-1].first_ms <= heads[0][0][0]):
            _advance(heads, _placed(waiting.pop(), span))
        placed, rest = heapq.heappop(heads)
        yield placed
        _advance(heads, rest)


def _advance(heads: list[tuple[_Placed, Iterator[_Placed]]], rows: Iterator[_Placed]) -> None:
    placed = next(rows, None)
    if placed is not None:
        heapq.heappush(heads, (placed, rows))


def _placed(part: _Part, span: Span) -> Iterator[_Placed]:
    rows = ((open_ms, part.place, row) for open_ms, row in _timed(part.path))
    wanted = (placed for placed in rows if span[0] <= placed[0] < span[1])
    return wanted if part.ordered else iter(sorted(wanted, key=lambda placed: placed[0]))
