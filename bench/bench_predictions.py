"""Benchmark of predictions: CPU of a prequential step, the size of a symbol's state, and a start.

python -m bench.bench_predictions [SYMBOLS]

With a number of symbols: also a start that replays two weeks of so many symbols with all models, in
two forked processes as the predictor does, but without reading the candles from ClickHouse.
"""

import pickle
import random
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from statistics import median

import psutil

from processors.models.batch import Batch
from processors.prediction.calibrated_models import default_contestants, installed
from processors.prediction.prequential import Step, step
from processors.prediction.state import SymbolState, start_state
from processors.predictor.warm_start import replayed
from processors.training.batch import Training, train
from processors.training.dataset import lessons_of
from processors.versions.installer import Installer
from processors.versions.schedule import ModelChange
from schemas.market import Candle
from schemas.predictions import ModelEvent
from schemas.timeframe import Interval

MINUTE_MS, START_MS, E8, DAYS = 60_000, 1_699_920_000_000, 10**8, 8
PROCESSES = 2  # as the predictor has at its start


def minutes(count: int) -> list[Candle]:
    chance, price, made = random.Random(1), 1000.0, []
    for i in range(count):
        before, price = price, price * (1 + chance.gauss(0, 0.0006))
        first, last = round(before * 100) * E8 // 100, round(price * 100) * E8 // 100
        open_ms = START_MS + i * MINUTE_MS
        ends = (open_ms, open_ms + MINUTE_MS, first, max(first, last), min(first, last), last)
        made.append(
            Candle("BTCUSDT", "1m", *ends, 5 * E8, 0, 40, 2 * E8, 0, 1, 40, (last - first) ** 2,
                   "complete", 1, "trades", open_ms + MINUTE_MS - 1)
        )  # fmt: skip
    return made


def published(taken: Step) -> int:
    return len(taken.predictions) + len(taken.scores)


def timed(
    state: SymbolState, candles: list[Candle], *, at_once: bool = True
) -> tuple[SymbolState, float]:
    """Step through candles; return the state, and the median of the days' CPU µs a candle.

    Unless ``at_once``, as in a replay, the predictions and scores are not made.
    """
    costs = []
    for first in range(0, len(candles), 1440):
        started = time.process_time()
        for candle in candles[first : first + 1440]:
            taken = step(state, candle, at_once=at_once)
            if at_once:
                published(taken)
            state = taken.state
        costs.append((time.process_time() - started) / 1440 * 1e6)
    return state, median(costs)


@cache
def fortnight() -> list[Candle]:
    return minutes(14 * 1440)


def warmed(model: Batch) -> tuple[int, float, float]:
    """Replay two weeks as a start does; return the candles, the CPU seconds, and own memory."""
    candles = fortnight()
    end_ms = candles[-1].close_ms
    trained = ModelChange(START_MS, START_MS, 0, "batch", "1", ModelEvent.TRAINED, ())
    installer = Installer(load=lambda _change: model)
    started = time.process_time()
    replayed(
        "BTCUSDT", candles, (START_MS, end_ms), end_ms, changes=(trained,), installer=installer
    )
    spent = time.process_time() - started
    return len(candles), spent, psutil.Process().memory_full_info().uss / 1e6


def start(symbols: int, model: Batch) -> None:
    method = "fork" if sys.platform == "linux" else "spawn"
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context(method)) as pool:
        list(pool.map(len, [fortnight()] * PROCESSES))  # the processes are there, and warm
        began = time.perf_counter()
        done = list(pool.map(warmed, [model] * symbols))
        took = time.perf_counter() - began
    cpu = sum(spent for _, spent, _ in done)
    print(f"start of {symbols} symbols: {took:.1f} s in {PROCESSES} processes, {cpu:.1f} s of CPU")
    print(f"  {1e6 * cpu / sum(count for count, *_ in done):.0f} µs a symbol and minute")
    print(
        f"  memory of a process that it shares with no other: {max(own for *_, own in done):.0f} MB"
    )


def main(symbols: int) -> None:
    candles = minutes(DAYS * 1440)
    began = time.process_time()
    lessons = lessons_of(candles, Interval.ONE_MINUTE)
    spent = (time.process_time() - began) / len(candles) * 1e6
    print(f"features and outcomes only: {spent:.0f} µs")
    state, cost = timed(start_state("BTCUSDT"), candles)
    print(f"reference + online: {cost:.0f} µs a symbol and minute")
    end_ms = candles[-1].close_ms
    model, _ = train(Training("batch", ("BTCUSDT",), START_MS, end_ms), lessons.table())

    def all_models() -> SymbolState:
        contestants = installed(default_contestants(), model)
        return start_state("BTCUSDT", contestants=contestants)

    _, cost = timed(all_models(), candles, at_once=False)
    print(f"reference + online + batch + blend in a replay: {cost:.0f} µs")
    state, cost = timed(all_models(), candles)
    print(f"reference + online + batch + blend: {cost:.0f} µs a symbol and minute")
    print(f"400 symbols: {400 * cost / 1e3:.0f} ms of CPU a minute")
    state.contestants = [c for c in state.contestants if c.model.name != "batch"]
    size = len(pickle.dumps(state)) / 1024
    print(f"state without the shared trained model: {size:.0f} KiB a symbol")
    if symbols:
        start(symbols, model)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
