# ruff: noqa: INP001 - a script beside the data that it makes
"""Pack one-minute candles from Feather files into recorded_1m.npz.

Usage: python make_recorded.py SYMBOL=FILE:TICK:VOLUME_UNIT ... (needs pyarrow)
For example: python make_recorded.py BTCUSDT=BTC_USDT-1m.feather:0.01:0.000001
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from pyarrow import feather

DAY_MINUTES = 1440
# With fewer steps of volume there would not be one for each fill of a minute's trades.
LEAST_STEPS = 4 * 12


def packed(symbol: str, file: str, tick: float, unit: float) -> dict[str, Any]:
    """Return the columns of one symbol: only whole days, with prices as differences in ticks."""
    table = feather.read_table(file)
    rows = len(table) // DAY_MINUTES * DAY_MINUTES
    column = {name: table[name].to_numpy()[:rows] for name in table.column_names}
    minutes = column["date"].astype("datetime64[m]").astype(np.int64)
    if minutes[0] % DAY_MINUTES or (np.diff(minutes) != 1).any():
        raise SystemExit(f"{file}: the rows must begin at midnight, with no minute missing")
    open_, high, low, close = (
        np.rint(column[name] / tick).astype(np.int64) for name in ("open", "high", "low", "close")
    )
    volume = np.rint(column["volume"] / unit).astype(np.int64)
    if np.abs(volume * unit - column["volume"]).max() > unit / 100:
        raise SystemExit(f"{file}: the volumes are not multiples of {unit}")
    if ((volume > 0) & (volume < LEAST_STEPS * 100)).any():
        raise SystemExit(f"{file}: a minute has too little volume for four trades")
    before = np.concatenate([[0], close[:-1]])
    about = np.array([minutes[0] // DAY_MINUTES, round(unit * 1e8)])
    columns = {
        "about": about,
        "gap": open_ - before,
        "body": close - open_,
        "upper": high - np.maximum(open_, close),
        "lower": np.minimum(open_, close) - low,
        "volume": volume,
    }
    return {f"{symbol}/{name}": values.astype(np.int32) for name, values in columns.items()}


def main() -> None:
    """Write recorded_1m.npz beside this file."""
    columns: dict[str, Any] = {}
    for argument in sys.argv[1:]:
        symbol, _, rest = argument.partition("=")
        file, tick, unit = rest.rsplit(":", 2)
        columns |= packed(symbol, file, float(tick), float(unit))
    np.savez_compressed(Path(__file__).with_name("recorded_1m.npz"), **columns)


if __name__ == "__main__":
    main()
