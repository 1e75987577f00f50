"""Finds the files of candles: names, folders and patterns, grouped by symbol, of one interval."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path

from schemas.errors import ConfigurationError
from schemas.timeframe import Interval

INTERVALS = (Interval.ONE_MINUTE, Interval.FIFTEEN_MINUTES)  # the first one is preferred
_NAME = re.compile(r"([^\W_a-z]{2,64})(?:_([A-Z0-9]{2,8}))?-(\d+[mhd])\b")
_ENDINGS = (".csv", ".zip", ".gz", ".json", ".jsonl", ".feather")
_ANY = "*?["
_Named = tuple[str, Path]  # the interval in a file's name, empty without one, and the file


@dataclass(frozen=True, slots=True)
class Chosen:
    """The files of one symbol, all of the same interval, in the order given.

    Attributes:
        interval: The interval that was asked for; None for that of the candles.
        left_out: Number of files of other intervals, by interval.
    """

    symbol: str
    paths: tuple[Path, ...]
    interval: Interval | None
    left_out: dict[str, int]


def find_files(
    given: Sequence[Path], symbol: str | None = None, interval: Interval | None = None
) -> list[Chosen]:
    """Return the files to read of each symbol.

    Args:
        given: Files, folders, and patterns such as ``BTCUSDT-1m-*.zip``.
        symbol: Only symbol to read, and that of files whose names lack it; default: all.
        interval: Interval to read; default: for each symbol 1m if there is such a file, else 15m.

    Raises:
        ConfigurationError: There is no such file, or its name says too little.
    """
    groups: dict[str, list[_Named]] = {}
    for path in (found for one in given for found in _expanded(one)):
        name, length = _named(path, symbol)
        if symbol in (None, name):
            groups.setdefault(name, []).append((length, path))
    if not groups:
        raise ConfigurationError(f"no file of these has candles of {symbol}: leave --symbol out")
    return [_chosen(name, files, interval) for name, files in groups.items()]


def left_out_told(chosen: Sequence[Chosen]) -> Iterator[str]:
    """Yield a line for each symbol of which files were left out, and how to take them."""
    for one in chosen:
        for length, count in one.left_out.items():
            usable = length in {interval.value for interval in INTERVALS}
            how = f": --interval {length} takes them" if usable else ": no model reads them"
            yield f"{one.symbol}: {count} files of {length} are left out{how}"


def _expanded(path: Path) -> Iterator[Path]:
    if path.is_dir():
        found = [p for p in sorted(path.iterdir()) if _NAME.match(p.name) and _ends_well(p)]
        if not found:
            raise ConfigurationError(
                f"{path} has no files of candles, with names such as BTCUSDT-1m-2022-01-01.zip"
            )
        yield from found
    elif not path.exists() and any(sign in str(path) for sign in _ANY):
        matches = sorted(glob(str(path), recursive=True))  # noqa: PTH207 - absolute patterns too
        if not matches:
            raise ConfigurationError(f"no file matches {path}")
        yield from map(Path, matches)
    elif not path.exists():
        raise ConfigurationError(f"there is no file {path}")
    else:
        yield path


def _ends_well(path: Path) -> bool:
    return path.suffix in _ENDINGS and path.is_file()


def _named(path: Path, symbol: str | None) -> tuple[str, str]:
    named = _NAME.match(path.name)
    if named is None and symbol is None:
        raise ConfigurationError(f"{path.name} does not name its pair: add --symbol")
    if named is None:
        return symbol or "", ""  # its candles tell their interval
    return named[1] + (named[2] or ""), named[3]


def _chosen(symbol: str, files: Sequence[_Named], interval: Interval | None) -> Chosen:
    counts = Counter(length for length, _ in files if length)
    wanted = [interval] if interval else INTERVALS
    named = next((i.value for i in wanted if i.value in counts), "")
    if interval and not named and len(files) == counts.total():
        raise ConfigurationError(
            f"{symbol} has no files of {interval}, but of {', '.join(sorted(counts))}"
        )
    # With no file of a known interval all are read, so that the error names what is in them.
    taken = {named} if named else set(counts)
    paths = tuple(path for length, path in files if not length or length in taken)
    left_out = {length: count for length, count in counts.items() if length not in taken}
    return Chosen(symbol, paths, interval, left_out)
