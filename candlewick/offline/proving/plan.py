"""Which archives of trades to read for a time range. Pure."""

from collections.abc import Iterable
from typing import Final

from producers.binance.archive_names import TRADES, Archive, day_file, month_file
from producers.history.time_ranges import Spans
from schemas.history import ArchiveFile, ArchiveState
from schemas.replayed import PROVEN_REVISION, ground_after
from schemas.timeframe import DAY_MS

KEPT: Final = "its trades are kept"


def whole_days(start_ms: int, end_ms: int) -> Spans:
    """Return the UTC days that lie in a time range as a whole."""
    first, end = -(-start_ms // DAY_MS) * DAY_MS, end_ms // DAY_MS * DAY_MS
    return Spans.of([(first, end)])


def proven_days(archives: Iterable[ArchiveFile], symbol: str, *, kept: bool) -> Spans:
    """Return the days whose archives of trades were read.

    Args:
        archives: What became of archives.
        symbol: Of which pair.
        kept: Whether to count only those whose trades were kept.
    """
    return Spans.of(
        (file.open_ms, file.close_ms)
        for file in archives
        if file.symbol == symbol
        and TRADES in file.name
        and file.state != ArchiveState.REFUSED
        and (file.reason == KEPT or not kept)
    )


def ground_of(file: Archive, sha256: str, archives: Iterable[ArchiveFile]) -> int:
    """Return what the revisions of a file's candles begin above.

    They stand above those that another file gave of the same days, or the same before it was
    issued anew: of these some may have been taken back, under a higher revision.

    Args:
        file: The file.
        sha256: Its checksum.
        archives: What became of archives before.
    """
    read_ms = [
        about.changed_ms
        for about in archives
        if about.symbol == file.symbol
        and TRADES in about.name
        and about.open_ms < file.close_ms
        and about.close_ms > file.open_ms
        and (about.name == file.name or about.state != ArchiveState.REFUSED)
        and (about.name, about.sha256, about.state) != (file.name, sha256, ArchiveState.USED)
    ]
    return ground_after(max(read_ms)) if read_ms else PROVEN_REVISION


def files_of(symbol: str, days: Spans, *, now_ms: int) -> list[Archive]:
    """Return the files to read, oldest first: those of whole months that are over, else of days."""
    found: list[Archive] = []
    for start, end in days:
        at = start
        while at < end:
            month = month_file(symbol, None, at)
            is_whole = month.open_ms == at and month.close_ms <= min(end, now_ms)
            file = month if is_whole else day_file(symbol, None, at)
            found.append(file)
            at = file.close_ms
    return found


def length_days(spans: Spans) -> int:
    """Return how many days there are."""
    return spans.total_ms // DAY_MS
