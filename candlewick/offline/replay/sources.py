"""The sources of a replay: the symbols in each file, their first id, and how to read them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from candlewick.offline.replay.archive_blocks import archive_blocks
from candlewick.offline.replay.capture_blocks import capture_blocks, captured_kinds
from candlewick.offline.replay.lines import chunks_of
from candlewick.offline.replay.placed import Placed
from schemas.errors import ConfigurationError
from schemas.timeframe import DAY_MS

_ARCHIVE = re.compile(r"([^\W_a-z]{2,64})-aggTrades(?:-(\d{4})-(\d{2})(?:-(\d{2}))?)?")
_DECEMBER = 12


@dataclass(frozen=True, slots=True)
class Source:
    """The trades of one symbol in one file.

    Attributes:
        kind: Kind of a capture's frames; empty for a CSV file.
        period_ms: Start and end (exclusive) of the period in the file's name, or None.
        first_agg_id: Id of the first aggregate trade.
    """

    path: Path
    symbol: str
    kind: str
    period_ms: tuple[int, int] | None
    first_agg_id: int

    def blocks(self) -> Iterator[Placed]:
        """Yield the trades as blocks."""
        if self.kind:
            return capture_blocks(self.path, self.symbol, self.kind)
        return archive_blocks(self.path, self.symbol)


def sources_of(path: Path, symbol: str | None) -> list[Source]:
    """Inspect a file, and return a source for each symbol in it.

    Args:
        path: CSV file or capture, plain or compressed.
        symbol: Only symbol to return, and that of a CSV file whose name lacks it; None for all.

    Raises:
        ConfigurationError: The file cannot be read, is empty, or its symbol is not known.
    """
    if _is_capture(path):
        kinds = captured_kinds(path)
        if not kinds:
            raise ConfigurationError(f"{path} contains no trades")
        wanted = {name: kind for name, kind in kinds.items() if symbol in (None, name)}
        return [_source(path, name, kind, None) for name, kind in sorted(wanted.items())]
    named = _ARCHIVE.match(path.name)
    name = named[1] if named else symbol
    if name is None:
        raise ConfigurationError(f"{path.name} does not name its pair: add --symbol")
    return [_source(path, name, "", _period(path.name))] if symbol in (None, name) else []


def _source(path: Path, symbol: str, kind: str, period_ms: tuple[int, int] | None) -> Source:
    first = list(islice(Source(path, symbol, kind, period_ms, 0).blocks(), 1))
    if not first:
        raise ConfigurationError(f"{path} contains no trades")
    return Source(path, symbol, kind, period_ms, first[0].block.first_agg_id)


def _is_capture(path: Path) -> bool:
    first = next(chunks_of(path), b"")
    if not first:
        raise ConfigurationError(f"{path} is empty")
    return b"{" in first


def _period(name: str) -> tuple[int, int] | None:
    named = _ARCHIVE.match(name)
    if named is None or named[2] is None:
        return None
    year, month, day = int(named[2]), int(named[3]), int(named[4] or 1)
    try:
        start_ms = _midnight_ms(year, month, day)
        if named[4]:
            return start_ms, start_ms + DAY_MS
        return start_ms, _midnight_ms(year + month // _DECEMBER, month % _DECEMBER + 1, 1)
    except ValueError:
        return None


def _midnight_ms(year: int, month: int, day: int) -> int:
    return int(datetime(year, month, day, tzinfo=UTC).timestamp()) * 1000
