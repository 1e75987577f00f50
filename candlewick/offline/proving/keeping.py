"""Keeping of archived trades: straight into the table, as the trades' topic is for live ones."""

from dataclasses import dataclass, field
from typing import Final

from schemas import topics
from schemas.market import TradeBlock
from sinks.clickhouse import ClickHouse
from sinks.rows import trade_rows
from sinks.tables import TABLES

_AT_ONCE: Final = 100_000
_TABLE: Final = next(table for table in TABLES if table.topic is topics.TRADES)


@dataclass(slots=True)
class TradeKeeper:
    """Inserts the trades of one file; reading the file again stores none twice.

    Attributes:
        name: Names the file and its contents; with their number it is the token of each insert.
    """

    store: ClickHouse
    name: str
    _rows: list[bytes] = field(default_factory=list)
    _count: int = 0
    _inserts: int = 0

    def keep(self, block: TradeBlock) -> None:
        """Keep the trades of a block; raises as `ClickHouse.insert` does."""
        self._rows.append(trade_rows(block))
        self._count += len(block)
        if self._count >= _AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Insert what is left; raises as `ClickHouse.insert` does."""
        if self._rows:
            self.store.insert(_TABLE, b"".join(self._rows), token=f"{self.name} {self._inserts}")
            self._inserts += 1
            self._rows.clear()
            self._count = 0
