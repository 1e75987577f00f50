"""What predictions are worth where the price step is as large as a minute's move.

    python -m bench.price_steps BTC_USDT-1m.feather [STEP ...]

Rounds the prices of a file of 1m candles to coarse steps, each given in medians of a minute's move,
replays them with the reference and the online model, and prints for each step, from the third week
on: by how much the pinball loss is lower than the reference's, and the share of closes inside the
50 and 90 % interval.
"""

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from candlewick.offline.evaluation.find_files import find_files
from candlewick.offline.evaluation.selection import selected
from processors.prediction.prequential import step
from processors.prediction.state import start_state
from schemas.market import Candle
from schemas.predictions import Score
from schemas.timeframe import DAY_MS

STEPS = (0.5, 1.0, 2.0)
WARM_UP_MS = 14 * DAY_MS
Sums = dict[str, list[float]]


def rounded(candles: Iterable[Candle], step_e8: int) -> Iterator[Candle]:
    for c in candles:
        prices = (c.open_e8, c.high_e8, c.low_e8, c.close_e8)
        first, high, low, last = (max(round(p / step_e8), 1) * step_e8 for p in prices)
        yield replace(c, open_e8=first, high_e8=high, low_e8=low, close_e8=last)


def replayed(candles: Iterable[Candle]) -> Iterator[Score]:
    state = None
    for candle in candles:
        taken = step(state or start_state(candle.symbol), candle, at_once=False)
        state = taken.state
        yield from taken.scores


def row_of(scores: Iterable[Score], from_ms: int) -> str:
    sums: Sums = defaultdict(lambda: [0.0] * 4)
    for s in scores:
        if s.open_ms >= from_ms:
            values = 1.0, s.pinball_bp, s.covered_50, s.covered_90
            sums[s.model] = [a + b for a, b in zip(sums[s.model], values, strict=True)]
    count, pinball, in_50, in_90 = sums["online"]
    better = 100 * (1 - pinball / sums["reference"][1])
    return f"{better:.2f} | {100 * in_50 / count:.1f} | {100 * in_90 / count:.1f} |"


def main(path: Path, steps: Iterable[float]) -> None:
    ((_, source),) = selected(find_files([path], None, None), None, None).items()
    candles = list(source().candles())
    moves = np.abs(np.diff(np.log([c.close_e8 for c in candles])))
    usual_e8 = candles[0].close_e8 * float(np.median(moves[moves > 0]))
    print("| step, in medians of a minute's move | pinball better, % | in 50 % | in 90 % |")
    print("|---|---|---|---|")
    for times in steps:
        coarse = rounded(candles, max(int(usual_e8 * times), 1))
        print(f"| {times:g} | {row_of(replayed(coarse), candles[0].open_ms + WARM_UP_MS)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), [float(word) for word in sys.argv[2:]] or STEPS)
