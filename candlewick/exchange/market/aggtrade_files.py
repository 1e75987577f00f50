"""Reader of official aggTrades files (zip, CSV or gzipped CSV) as a market to replay."""

import gzip
import io
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from candlewick.exchange.market.recorded_rows import Row, e8, market_of
from candlewick.exchange.market.replayed import ReplayedSymbol

# Times from here on are in microseconds: milliseconds reach it only in the year 5138.
_MICROSECONDS: Final = 100_000_000_000_000
_ARCHIVE_FIELDS: Final = 7


def archived_market(folder: Path) -> dict[str, ReplayedSymbol]:
    """Return the market of official aggTrades files: `SYMBOL-aggTrades-*.zip`, `.csv`, `.csv.gz`.

    Raises:
        OSError: A file cannot be read.
        ValueError: The folder has no such files, or trades are missing between two of theirs.
    """
    rows: dict[str, dict[int, Row]] = defaultdict(dict)
    for file in sorted(folder.glob("*-aggTrades-*")):
        if file.name.endswith((".zip", ".csv", ".csv.gz")):
            symbol = file.name.partition("-")[0]
            rows[symbol] |= {row.agg_id: row for row in _archive_rows(file)}
    return market_of(dict(rows))


def _archive_rows(file: Path) -> Iterator[Row]:
    for line in _archive_lines(file):
        fields = line.strip().split(",")
        if all(name.strip('"').isidentifier() or not name for name in fields):
            continue  # a header, or an empty line
        if len(fields) < _ARCHIVE_FIELDS:
            raise ValueError(f"{file} has a line that is not an aggregate trade: {line[:80]!r}")
        agg_id, price, quantity, first, last, time, maker = fields[:_ARCHIVE_FIELDS]
        at = int(time)
        yield Row(
            agg_id=int(agg_id),
            price_e8=e8(price),
            quantity_e8=e8(quantity),
            first_id=int(first),
            last_id=int(last),
            time_ms=at // 1000 if at >= _MICROSECONDS else at,
            buyer_maker=maker.lower() == "true",
        )


def _archive_lines(file: Path) -> Iterator[str]:
    if file.suffix == ".zip":
        with zipfile.ZipFile(file) as archive:
            for name in archive.namelist():
                with archive.open(name) as member:
                    yield from io.TextIOWrapper(member, "utf-8-sig")
    elif file.suffix == ".gz":
        with gzip.open(file, "rt", encoding="utf-8-sig") as lines:
            yield from lines
    else:
        with file.open(encoding="utf-8-sig") as lines:
            yield from lines
