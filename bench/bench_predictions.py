"""Benchmark of predictions: CPU of a prequential step, and the size of a symbol's state.

.venv/bin/python bench/bench_predictions.py
"""

import pickle
import random
import time

from processors.prediction.calibrated_models import default_contestants, installed
from processors.prediction.prequential import step
from processors.prediction.state import SymbolState, start_state
from processors.training.batch import Training, train
from processors.training.dataset import lessons_of
from schemas.market import Candle
from schemas.timeframe import Interval

MINUTE_MS, START_MS, E8, DAYS = 60_000, 1_699_920_000_000, 10**8, 8


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


def timed(state: SymbolState, candles: list[Candle]) -> tuple[SymbolState, float]:
    started = time.process_time()
    for candle in candles:
        state = step(state, candle).state
    return state, (time.process_time() - started) / len(candles) * 1e6


candles = minutes(DAYS * 1440)
start = time.process_time()
lessons = lessons_of(candles, Interval.ONE_MINUTE)
print(f"features and outcomes only: {(time.process_time() - start) / len(candles) * 1e6:.0f} µs")
state, cost = timed(start_state("BTCUSDT", tick_e8=10**6), candles)
print(f"reference + online: {cost:.0f} µs a symbol and minute")
end_ms = candles[-1].close_ms
model, _ = train(Training("batch", ("BTCUSDT",), START_MS, end_ms), lessons.table())
contestants = installed(default_contestants(), model)
state, cost = timed(start_state("BTCUSDT", tick_e8=10**6, contestants=contestants), candles)
print(f"reference + online + batch + blend: {cost:.0f} µs a symbol and minute")
print(f"400 symbols: {400 * cost / 1e3:.0f} ms of CPU a minute")
state.contestants = [c for c in state.contestants if c.model.name != "batch"]
print(f"state without the shared trained model: {len(pickle.dumps(state)) / 1024:.0f} KiB a symbol")
