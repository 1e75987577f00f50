"""Recorded trades read from files: websocket captures and official aggTrades archives."""

import gzip
import io
import itertools
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import orjson

from candlewick.exchange.coins import E8
from candlewick.exchange.columns import Trades
from candlewick.exchange.replayed import ReplayedSymbol

# A UTC time in milliseconds reaches this only in the year 5138; in microseconds it has long.
_MICROSECONDS: Final = 100_000_000_000_000
_ARCHIVE_FIELDS: Final = 7


@dataclass(frozen=True, slots=True)
class Row:
    """One recorded aggregate trade."""

    agg_id: int
    price_e8: int
    quantity_e8: int
    first_id: int
    last_id: int
    time_ms: int
    buyer_maker: bool


def captured_market(files: Iterable[Path]) -> dict[str, ReplayedSymbol]:
    """Return the market of the frames recorded in capture files.

    `@aggTrade` frames are taken as they are; `@trade` frames, where a symbol has no others, as
    aggregates of one trade with the trade's own id.

    Raises:
        OSError: A file cannot be read.
        ValueError: A file holds no trades, or trades are missing between those it holds.
    """
    aggregates: dict[str, dict[int, Row]] = defaultdict(dict)
    singles: dict[str, dict[int, Row]] = defaultdict(dict)
    for file in files:
        for data in _frames(file):
            if data.get("e") == "aggTrade":
                row = _aggregate(data)
                aggregates[str(data["s"])][row.agg_id] = row
            elif data.get("e") == "trade":
                row = _single(data)
                singles[str(data["s"])][row.agg_id] = row
    return _market({name: rows for name, rows in (singles | aggregates).items() if rows})


def archived_market(folder: Path) -> dict[str, ReplayedSymbol]:
    """Return the market of official aggTrades files: `SYMBOL-aggTrades-*.zip`, `.csv`, `.csv.gz`.

    Raises:
        OSError: A file cannot be read.
        ValueError: The folder has no such files, or trades are missing between those they hold.
    """
    rows: dict[str, dict[int, Row]] = defaultdict(dict)
    for file in sorted(folder.glob("*-aggTrades-*")):
        if file.name.endswith((".zip", ".csv", ".csv.gz")):
            symbol = file.name.partition("-")[0]
            rows[symbol] |= {row.agg_id: row for row in _archive_rows(file)}
    return _market(dict(rows))


def _market(found: dict[str, dict[int, Row]]) -> dict[str, ReplayedSymbol]:
    if not found:
        raise ValueError("no trades in the recording: give a capture or aggTrades files")
    return {name: ReplayedSymbol(_columns(name, rows)) for name, rows in sorted(found.items())}


def _columns(symbol: str, found: dict[int, Row]) -> Trades:
    rows = [found[agg_id] for agg_id in sorted(found)]
    for row, after in itertools.pairwise(rows):
        if after.agg_id != row.agg_id + 1 or after.first_id != row.last_id + 1:
            raise ValueError(
                f"the recording of {symbol} has a hole after id {row.agg_id}: "
                "the exchange serves trades without holes only"
            )
    columns = {
        name: np.array([getattr(row, name) for row in rows], np.int64)
        for name in ("time_ms", "price_e8", "quantity_e8", "first_id")
    }
    return Trades(
        first_agg_id=rows[0].agg_id,
        time_ms=np.maximum.accumulate(columns["time_ms"]),
        price_e8=columns["price_e8"],
        quantity_e8=columns["quantity_e8"],
        trade_id_edges=np.append(columns["first_id"], rows[-1].last_id + 1),
        buyer_maker=np.array([row.buyer_maker for row in rows], np.bool_),
    )


def _frames(file: Path) -> Iterator[dict[str, object]]:
    opener = gzip.open if file.suffix == ".gz" else open
    with opener(file, "rb") as lines:
        for line in lines:
            _, brace, rest = bytes(line).partition(b"{")
            if not brace or not (b'"aggTrade"' in rest or b'"trade"' in rest):
                continue
            frame = orjson.loads(brace + rest)
            data = frame.get("data", frame)
            if isinstance(data, dict):
                yield data


def _aggregate(data: dict[str, object]) -> Row:
    return _row(data, data["a"], data["f"], data["l"])


def _single(data: dict[str, object]) -> Row:
    return _row(data, data["t"], data["t"], data["t"])


def _row(data: dict[str, object], agg_id: object, first: object, last: object) -> Row:
    return Row(
        agg_id=int(str(agg_id)),
        price_e8=_e8(str(data["p"])),
        quantity_e8=_e8(str(data["q"])),
        first_id=int(str(first)),
        last_id=int(str(last)),
        time_ms=int(str(data["T"])),
        buyer_maker=data["m"] is True,
    )


def _archive_rows(file: Path) -> Iterator[Row]:
    for line in _archive_lines(file):
        fields = line.strip().split(",")
        if len(fields) < _ARCHIVE_FIELDS or not fields[0].isdigit():
            continue
        agg_id, price, quantity, first, last, time, maker = fields[:_ARCHIVE_FIELDS]
        at = int(time)
        yield Row(
            agg_id=int(agg_id),
            price_e8=_e8(price),
            quantity_e8=_e8(quantity),
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
                    yield from io.TextIOWrapper(member, "utf-8")
    elif file.suffix == ".gz":
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            yield from lines
    else:
        with file.open(encoding="utf-8") as lines:
            yield from lines


def _e8(text: str) -> int:
    whole, _, part = text.partition(".")
    return int(whole) * E8 + int(part.ljust(8, "0")[:8] or "0")
