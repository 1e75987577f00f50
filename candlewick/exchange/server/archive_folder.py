"""Archive files of klines from a folder, served as they are; REST serves what they hold."""

import io
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from candlewick.exchange.market.cache import Cache
from candlewick.exchange.market.columns import Candles, joined
from candlewick.exchange.market.intervals import DAY_MS, SECOND_MS, Interval
from candlewick.exchange.server.archive_names import File, file_of
from candlewick.exchange.server.kline_files import candles_of_lines, given_page
from candlewick.exchange.server.query_params import Range

_HELD_BYTES: Final = 32 << 20
_DASHES_OF_A_MONTH: Final = 3  # SYMBOL-INTERVAL-YYYY-MM


@dataclass(slots=True)
class ArchiveFolder:
    """Daily and monthly files by the exchange's names, in a folder or any below it."""

    files: dict[str, Path] = field(default_factory=dict)
    pairs: frozenset[tuple[str, str]] = frozenset()
    _days: Cache[str, Candles] = field(
        default_factory=lambda: Cache(_HELD_BYTES, lambda held: held.nbytes)
    )

    @classmethod
    def of(cls, folder: Path) -> "ArchiveFolder":
        """Find the files of a folder.

        Raises:
            ValueError: There is no archive file of klines in it.
        """
        files, pairs = {}, set()
        for path in sorted(folder.rglob("*.zip")):
            symbol, _, rest = path.stem.partition("-")
            interval = rest.partition("-")[0]
            span = "monthly" if path.stem.count("-") == _DASHES_OF_A_MONTH else "daily"
            named = file_of(f"/data/spot/{span}/klines/{symbol}/{interval}/{path.name}")
            if named is not None and named[0].interval:
                files[path.stem] = path
                pairs.add((symbol, named[0].interval))
        if not files:
            raise ValueError(
                f"{folder} has no archive of klines, such as BTCUSDT-1m-2022-01-01.zip"
            )
        return cls(files, frozenset(pairs))

    def covers(self, symbol: str, interval: str) -> bool:
        """Return whether the folder, and nothing else, has the klines of a symbol and interval."""
        return (symbol, interval) in self.pairs

    def body(self, file: File) -> bytes | None:
        """Return the bytes of a file; None if it is not in the folder."""
        path = self.files.get(file.name)
        return None if path is None else path.read_bytes()

    def candles(self, name: str) -> Candles:
        """Return the klines of a file of the folder, by its name without `.zip`."""
        return self._days.get(name, lambda: _candles(self.files[name]))

    def page(self, interval: Interval, wanted: Range, *, visible_ms: int) -> Candles:
        """Return a page of klines, oldest first, as the daily files have them.

        Without a start it is the newest page. What only monthly files have is not in it.
        """
        start_ms, is_newest = wanted.start_ms or 0, wanted.start_ms is None
        end_ms = visible_ms if wanted.end_ms is None else min(wanted.end_ms, visible_ms)
        rows: list[Candles] = []
        parts = self._parts(wanted.symbol, interval.archive_name, start_ms, end_ms)
        for part in reversed(parts) if is_newest else parts:
            rows.append(self.candles(part))
            if sum(map(len, rows)) > wanted.limit + DAY_MS // max(interval.length_ms, SECOND_MS):
                break
        if is_newest:
            rows.reverse()
        return given_page(joined(rows), wanted, interval, visible_ms=visible_ms)

    def _parts(self, symbol: str, interval: str, start_ms: int, end_ms: int) -> list[str]:
        start, found = f"{symbol}-{interval}-", []
        for name in sorted(held for held in self.files if held.startswith(start)):
            named = file_of(f"/data/spot/daily/klines/{symbol}/{interval}/{name}.zip")
            if named is None:
                continue
            first_ms = named[0].first_ms
            if first_ms + DAY_MS > start_ms and first_ms <= end_ms:
                found.append(name)
        return found


def _candles(path: Path) -> Candles:
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        return candles_of_lines(archive.read(archive.namelist()[0]).decode().splitlines())
