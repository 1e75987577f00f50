"""The known symbols: those that are followed, and those with stored candles."""

import time
from collections.abc import Collection

from api.http import problems
from api.http.problems import Problem
from api.queries.clickhouse import Reader

KNOWN_S = 60.0
_QUERY = (
    "SELECT DISTINCT symbol FROM (SELECT symbol FROM candles UNION ALL SELECT symbol FROM klines)"
)


class Symbols:
    """The known symbols, looked up in ClickHouse at most once a minute."""

    def __init__(self, reader: Reader, followed: Collection[str]) -> None:
        self._reader = reader
        self._followed = followed  # it changes while the process runs
        self._stored: frozenset[str] = frozenset()
        self._until_s = 0.0

    def all(self) -> list[str]:
        """Return every symbol; raises as `Reader.raw` does."""
        # Without a lock: a store that does not answer must not make threads wait in a row.
        if time.monotonic() > self._until_s:
            rows = self._reader.rows(_QUERY)
            self._stored = frozenset(str(row["symbol"]) for row in rows)
            self._until_s = time.monotonic() + KNOWN_S
        return sorted(self._stored.union(self._followed))

    def check(self, *symbols: str) -> None:
        """Refuse unknown symbols.

        Raises:
            Problem: A symbol is unknown; 404.
        """
        strange = {symbol for symbol in symbols if symbol not in self._followed}
        if strange and (missing := strange - set(self.all())):
            names = ", ".join(sorted(missing))
            detail = f"there is no symbol {names}: /v1/symbols lists those there are"
            raise Problem(problems.UNKNOWN_SYMBOL, detail)
