"""A simulated ClickHouse for the sinks: rows, and the tokens of the newest inserts."""

import struct
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.errors import Transient
from sinks.refused_trades import RefusedTrades
from sinks.tables import CandleKey, Table

if TYPE_CHECKING:
    from tests.simulation.world import World

WINDOW = 1_000  # tokens that it remembers of a table
TradeKey = tuple[str, int, int]  # symbol, era, id
CandleName = tuple[str, str, int]  # symbol, interval, opening time


class Store:
    """The tables, row by row; it survives every process.

    Attributes:
        trades: How often each trade was inserted, by the time of its receipt too.
        have: How many rows each trade has.
        removed: Rows that were removed because the candle worker refused their block.
        trade_rows: The newest row of each trade, without the time of receipt.
        candles: How often each revision of a candle was inserted.
        best: The row of the highest revision of each candle: what everybody reads.
        gaps: How many bytes of rows other tables have.
    """

    def __init__(self, world: "World") -> None:
        self._world = world
        self._tokens: dict[str, OrderedDict[str, None]] = {}
        self.trades: Counter[tuple[TradeKey, int]] = Counter()
        self.have: Counter[TradeKey] = Counter()
        self.removed: set[tuple[TradeKey, int]] = set()
        self.trade_rows: dict[TradeKey, tuple[int, ...]] = {}
        self.candles: Counter[tuple[CandleName, int]] = Counter()
        self.best: dict[CandleName, tuple[int, bytes]] = {}
        self.bytes_of: Counter[str] = Counter()

    def take(self, table: Table, rows: bytes, token: str) -> None:
        """Insert, unless the token is known: ClickHouse does not compare the rows then."""
        known = self._tokens.setdefault(table.name, OrderedDict())
        if token:
            if token in known:
                return
            known[token] = None
            if len(known) > WINDOW:
                known.popitem(last=False)
        self.bytes_of[table.name] += len(rows)
        if table.name == "trades":
            self._take_trades(rows)
        elif table.name == "candles":
            self._take_candles(rows)

    def remove(self, refused: RefusedTrades) -> None:
        """Remove the rows of a block; those of another that has the same trades stay."""
        for agg_id in chain.from_iterable(range(*ids) for ids in refused.ids):
            key = refused.symbol, refused.era, agg_id
            self.have[key] -= self.trades.pop((key, refused.received_ms), 0)
            self.removed.add((key, refused.received_ms))

    def _take_trades(self, rows: bytes) -> None:
        at = 0
        while at < len(rows):  # symbols of one length, as a rule: one look for all of them
            length = rows[at]
            layout = _trades_of(length)
            whole = (len(rows) - at) // layout.itemsize
            found = np.frombuffer(rows, layout, whole, at)
            same = found["length"] == length
            count = whole if same.all() else int(same.argmin())
            for row in found[:count].tolist():
                _, name, agg_id, first, fills, event_ms, came_ms, price, quantity, sold, era = row
                key = name.decode(), era, agg_id
                self.trades[key, came_ms] += 1
                self.have[key] += 1
                self.trade_rows[key] = first, fills, event_ms, price, quantity, sold
            at += count * layout.itemsize

    def _take_candles(self, rows: bytes) -> None:
        at = 0
        while at < len(rows):
            name, revision, end = read_candle(rows, at)
            self.candles[name, revision] += 1
            if revision >= self.best.get(name, (0, b""))[0]:
                self.best[name] = revision, rows[at:end]
            at = end


class SimStore:
    """`sinks.clickhouse.ClickHouse` over the store: it may fail before or after it has inserted.

    Args:
        reach: Called before and after each effect; it may end the process.
    """

    def __init__(self, world: "World", reach: Callable[[str], None]) -> None:
        self._world = world
        self._reach = reach

    def insert(self, table: Table, rows: bytes, *, token: str) -> None:
        self._reach("before an insert")
        world = self._world
        if world.store_is_away:
            raise Transient("ClickHouse does not answer")
        if world.rng.random() < world.odds.insert_fails:
            how = world.rng.randrange(3)
            if how == 1:
                world.store.take(table, rows, token)
            elif how == 2:  # it still runs when nobody waits for it any more
                late_ms = world.rng.randrange(1, 3_000)
                world.after(late_ms, lambda: world.store.take(table, rows, token))
            raise Transient("the insert was not answered")
        world.store.take(table, rows, token)
        self._reach("after an insert")

    def keep_revisions(self, table: Table, candles: Sequence[CandleKey]) -> None:
        del table, candles
        self._reach("before keeping revisions")
        if self._world.store_is_away:
            raise Transient("ClickHouse does not answer")

    def remove_trades(self, refused: RefusedTrades) -> None:
        self._reach("before a removal")
        if self._world.store_is_away:
            raise Transient("ClickHouse does not answer")
        self._world.store.remove(refused)


def _trades_of(length: int) -> np.dtype[Any]:
    kinds = [
        ("length", "u1"), ("symbol", f"S{length}"), ("agg_id", "<i8"), ("first", "<i8"),
        ("fills", "<i4"), ("event", "<i8"), ("received", "<i8"), ("price", "<i8"),
        ("quantity", "<i8"), ("sold", "u1"), ("era", "<i4"),
    ]  # fmt: skip
    return np.dtype(kinds)


def read_candle(rows: bytes, at: int) -> tuple[CandleName, int, int]:
    """Return which candle the row at a place is, its revision, and where the next row begins."""
    symbol, at = _text(rows, at)
    interval, at = _text(rows, at)
    (open_ms,) = struct.unpack_from("<q", rows, at)
    at += 16 + 16 * 6 + 8 + 16 * 2 + 16
    at += 1 if rows[at] else 17
    _, at = _text(rows, at)
    (revision,) = struct.unpack_from("<i", rows, at)
    _, at = _text(rows, at + 4)
    return (symbol, interval, open_ms), revision, at + 8


def _text(rows: bytes, at: int) -> tuple[str, int]:
    end = at + 1 + rows[at]
    return rows[at + 1 : end].decode(), end
