"""Benchmark of `schemas.validation`: CPU of checking a block of 500 trades, and a candle.

.venv/bin/python -m bench.bench_validation
"""

import time
from collections.abc import Callable
from statistics import median

import numpy as np

from schemas.codecs import decode, encode
from schemas.market import Candle, TradeBlock
from schemas.validation import validate

START_MS, E8, ROWS = 1_700_000_100_000, 10**8, 500
ROUNDS, CALLS = 9, 5_000


def a_block() -> TradeBlock:
    ids = np.arange(ROWS, dtype=np.int64)
    return TradeBlock(
        symbol="BTCUSDT",
        first_agg_id=1,
        first_trade_id=1,
        received_ms=START_MS + ROWS,
        watermark_ms=START_MS + ROWS,
        event_ms=START_MS + ids,
        price_e8=50_000 * E8 + ids,
        quantity_e8=E8 + ids,
        fills=np.ones(ROWS, np.int32),
        taker_sold=(ids % 2).astype(np.uint8),
    )


def a_candle() -> Candle:
    ends = (START_MS, START_MS + 60_000, 100 * E8, 103 * E8, 99 * E8, 101 * E8)
    sums = (5 * E8, 503 * E8, 4, 2 * E8, 201 * E8, 10, 13, 7)
    return Candle("BTCUSDT", "1m", *ends, *sums, "complete", 1, "trades", START_MS + 59_999)


def microseconds(call: Callable[[], object]) -> float:
    """Return the CPU time of one call in microseconds, the median of nine rounds."""
    found = []
    for _ in range(ROUNDS):
        started = time.process_time()
        for _ in range(CALLS):
            call()
        found.append((time.process_time() - started) / CALLS * 1e6)
    return median(found)


def main() -> None:
    for name, record in ((f"block of {ROWS}", a_block()), ("candle", a_candle())):
        raw, kind = encode(record), type(record)
        checks = microseconds(lambda record=record: validate(record))
        whole = microseconds(lambda kind=kind, raw=raw: decode(kind, raw))
        print(f"{name:<13} checks {checks:5.1f} us of the {whole:5.1f} us of reading it")


if __name__ == "__main__":
    main()
