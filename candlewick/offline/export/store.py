"""What the store holds of each file, and its rows: ClickHouse as the user that may only read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from candlewick.offline.export.kinds import Dataset
from candlewick.offline.export.manifest import Content
from candlewick.offline.export.periods import Period, period_of
from clients.clickhouse import Client, batches_of, rows_of
from schemas.errors import ConfigurationError

if TYPE_CHECKING:
    import pyarrow as pa


_NAMED: Final = 20


@dataclass(frozen=True, slots=True)
class Store:
    """Reads for an export."""

    client: Client

    def periods(self, dataset: Dataset, symbols: Sequence[str]) -> dict[str, list[Period]]:
        """Return the periods that have rows, by symbol; all symbols if none is named.

        Raises:
            ConfigurationError: Nothing is stored of a named symbol, or nothing at all.
        """
        found: dict[str, list[Period]] = {}
        for symbol, begin in rows_of(
            self.client, dataset.periods_sql(), {"symbols": list(symbols)}
        ):
            found.setdefault(symbol, []).append(period_of(begin, dataset.grain))
        if missing := [symbol for symbol in symbols if symbol not in found]:
            stored = list(self.periods(dataset, ()))
            others = f" and {len(stored) - _NAMED} more" if len(stored) > _NAMED else ""
            raise ConfigurationError(
                f"no {dataset.name} of {', '.join(missing)} are stored: "
                f"choose of {', '.join(stored[:_NAMED])}{others}"
            )
        if not found:
            raise ConfigurationError(
                f"no {dataset.name} are stored yet: `candlewick lifecycle` shows what is"
            )
        return found

    def held(self, dataset: Dataset, symbol: str, period: Period) -> Content:
        """Return what the store holds of a file now."""
        ((rows, digest, first_ms, last_ms),) = rows_of(
            self.client, dataset.held_sql(), dataset.bound(symbol, period)
        )
        return Content(rows, f"{digest:016x}", first_ms, last_ms)

    def batches(self, dataset: Dataset, symbol: str, period: Period) -> Iterator["pa.RecordBatch"]:
        """Yield the rows of a file, in order, each with its digest."""
        return batches_of(self.client, dataset.rows_sql(), dataset.bound(symbol, period))
