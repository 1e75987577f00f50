"""Maker of `notebooks/data/market-2022.csv.xz`: ``python -m tools.notebooks.archives FOLDER``.

The folder holds the exchange's daily archives of 15m candles of 2022, as published. Kept are the
closes, and what was traded in each hour.
"""

import csv
import lzma
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Final

from candlewick.offline.evaluation.find_files import find_files
from candlewick.offline.evaluation.selection import selected
from schemas.decimals import plain
from schemas.errors import ConfigurationError
from schemas.market import Candle
from schemas.timeframe import Interval

HELD: Final = Path(__file__).parents[2] / "notebooks/data/market-2022.csv.xz"
COINS: Final = ("BTC", "ETH", "SOL")
HEADER: Final = ("open_ms", *COINS, *(f"{coin} volume" for coin in COINS))
_YEAR_MS: Final = (1_640_995_200_000, 1_672_531_200_000)  # 2022, UTC
_STEP_MS: Final = Interval.FIFTEEN_MINUTES.ms
_HOUR: Final = Interval.ONE_HOUR.ms // _STEP_MS  # candles
_THOUSAND_E8: Final = 1_000 * 10**8


def read_candles(paths: Sequence[Path]) -> dict[str, list[Candle]]:
    """Return the 15m candles of the archives, by symbol and in order of time."""
    sources = selected(find_files(paths, None, Interval.FIFTEEN_MINUTES))
    return {symbol: list(source().candles()) for symbol, source in sources.items()}


def rows(candles: Mapping[str, Sequence[Candle]]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each quarter of an hour: its time, its closes, and the hour's volumes.

    Volumes are in thousands of USDT, in the row in which the hour begins.

    Raises:
        ConfigurationError: The coins do not have the same candles, or one is missing.
    """
    found = [candles.get(f"{coin}USDT", ()) for coin in COINS]
    times = [candle.open_ms for candle in found[0]]
    for coin, each in zip(COINS, found, strict=True):
        if not each or [candle.open_ms for candle in each] != list(
            range(times[0], times[-1] + _STEP_MS, _STEP_MS)
        ):
            raise ConfigurationError(f"the candles of {coin} are not those of BTC without a hole")
    for at, open_ms in enumerate(times):
        closes = (plain(each[at].close_e8) for each in found)
        volumes = ("",) * len(COINS) if at % _HOUR else (_traded(each[at:]) for each in found)
        yield str(open_ms), *closes, *volumes


def text_of(lines: Iterable[tuple[str, ...]]) -> str:
    """Return rows as CSV with a header."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(lines)
    return text.getvalue()


def main() -> None:
    """Read the archives of the folder that is named, and write the file."""
    (folder,) = sys.argv[1:] or (sys.exit("name the folder of the daily archives"),)
    paths = sorted(path for coin in COINS for path in Path(folder).glob(f"{coin}USDT-15m-2022-*"))
    candles = read_candles(paths)
    for symbol, each in candles.items():
        if (each[0].open_ms, each[-1].close_ms) != _YEAR_MS:
            raise ConfigurationError(f"the archives of {symbol} are not those of all of 2022")
    text = text_of(rows(candles)).encode()
    HELD.parent.mkdir(exist_ok=True)
    HELD.write_bytes(lzma.compress(text, preset=9 | lzma.PRESET_EXTREME))


def _traded(candles: Sequence[Candle]) -> str:
    total_e8 = sum(candle.quote_volume_e8 for candle in candles[:_HOUR])
    return str(round(total_e8 / _THOUSAND_E8))


if __name__ == "__main__":
    main()
