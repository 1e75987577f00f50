"""Reader of recorded websocket frames as a market to replay."""

import gzip
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import orjson

from candlewick.exchange.market.recorded_rows import Row, e8, market_of
from candlewick.exchange.market.replayed import ReplayedSymbol


def captured_market(files: Iterable[Path]) -> dict[str, ReplayedSymbol]:
    """Return the market of the frames recorded in capture files.

    For a symbol without `@aggTrade` frames, each `@trade` frame counts as an aggregate of one
    trade, with the trade's own id.

    Raises:
        OSError: A file cannot be read.
        ValueError: The files contain no trades, or trades are missing between two of theirs.
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
    return market_of({name: rows for name, rows in (singles | aggregates).items() if rows})


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
        price_e8=e8(str(data["p"])),
        quantity_e8=e8(str(data["q"])),
        first_id=int(str(first)),
        last_id=int(str(last)),
        time_ms=int(str(data["T"])),
        buyer_maker=data["m"] is True,
    )
