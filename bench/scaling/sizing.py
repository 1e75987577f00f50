"""What whole exchanges need, calculated from the lines through what was measured."""

from collections.abc import Callable, Iterable, Mapping
from math import ceil

from bench.end_to_end.whole import WHOLE
from bench.scaling.results import Point, Run, cores_of, memory_of
from bench.scaling.tables import table

SYMBOLS = 1_500  # of one exchange
EXCHANGES = {"one exchange": 1, "ten exchanges": 10}
PARTS = ("producer", "worker", "sinks", "API", "broker", "ClickHouse")
SPLIT = ("producer", "worker", "sinks")  # more processes share the work of these
BUSY = 0.6  # of a processor; what a process is planned for, as each has one thread that works
PARTITIONS_A_WORKER = 4  # so that they can be shared out evenly, and more workers may come
PREDICTION_US = 173  # a symbol and minute, four models: docs/benchmarks.md
# MB of a predictor of the demo, and of each symbol's state: docs/benchmarks.md, bench_predictions
PREDICTOR_MB, STATE_MB = 178, 0.293
MODELS = 4  # reference, online, batch and blend answer each minute
MINUTES_A_DAY, CANDLES_A_DAY = 1_440, 1_440 + 96
TRADES_DAYS, KAFKA_TRADES_DAYS, KAFKA_PREDICTIONS_DAYS = 30, 7, 30
YEAR = 365
GB = 1e9
Sizes = Mapping[str, float]


def sizing(runs: Mapping[str, Run]) -> Iterable[str]:
    """Yield tables: processors and processes, memory, disk after a year."""
    if missing := {"symbols", "rate", "stored"} - runs.keys():
        yield f"no sizing: {', '.join(sorted(missing))} were not measured"
        return
    rate, symbols = runs["rate"], runs["symbols"]
    heads = ["", "trades/s", *PARTS, "predictor", "sum"]
    heads += ["producers", "workers", "sink processes", "partitions"]
    yield table(heads, _processors(rate, symbols))
    yield table(["MB", *PARTS, "predictor", "sum"], _memory(rate, symbols))
    sizes = rate.sizes | runs["stored"].sizes
    a_trade = symbols.points[-1].figures["Kafka bytes a trade"]
    yield table(["GB after a year", *EXCHANGES], _disk(sizes, a_trade))


def processors(rate: Run, symbols: Run, times: int, trades: float) -> dict[str, float]:
    """Return the processors in use by so many exchanges, at a rate of all of them together."""
    return {part: _at(rate, symbols, cores_of(part), times, trades) for part in PARTS}


def _processors(rate: Run, symbols: Run) -> Iterable[list[str]]:
    for name, times in EXCHANGES.items():
        predictor = PREDICTION_US / 1e6 * SYMBOLS * times / 60
        for when, trades in WHOLE.items():
            used = processors(rate, symbols, times, trades * times)
            counts = {part: ceil(used[part] / BUSY) for part in SPLIT}
            yield [
                f"{name}, {when}",
                f"{trades * times:,}",
                *(f"{cores:.2f}" for cores in used.values()),
                f"{predictor:.2f}",
                f"{sum(used.values()) + predictor:.1f}",
                *(str(count) for count in counts.values()),
                str(max(PARTITIONS_A_WORKER, counts["worker"] * PARTITIONS_A_WORKER)),
            ]


def _memory(rate: Run, symbols: Run) -> Iterable[list[str]]:
    for name, times in EXCHANGES.items():
        trades = max(WHOLE.values()) * times
        held = [_at(rate, symbols, memory_of(part), times, trades) for part in PARTS]
        held.append(PREDICTOR_MB + STATE_MB * SYMBOLS * times)
        yield [name, *(f"{mb:,.0f}" for mb in held), f"{sum(held):,.0f}"]


def _at(
    rate: Run, symbols: Run, value: Callable[[Point], float], times: int, trades: float
) -> float:
    """Return the value at a number of exchanges and a rate of all together.

    The lines are added: what the rate run has without trades, each symbol beyond its own, and each
    trade. A line that falls is noise, and counts as level.
    """
    without, a_trade = rate.line(value)
    _, a_symbol = symbols.line(value)
    more = SYMBOLS * (times - 1)
    return float(without + max(0.0, a_symbol) * more + max(0.0, a_trade) * trades)


def _disk(sizes: Sizes, kafka_a_trade: float) -> Iterable[list[str]]:
    candles = SYMBOLS * CANDLES_A_DAY
    answers = SYMBOLS * MINUTES_A_DAY * MODELS
    trades = WHOLE["on average"] * 86_400
    kept = {
        "ClickHouse: trades, of 30 days": trades * TRADES_DAYS * sizes["trades, bytes a row"],
        "ClickHouse: candles, ours and the exchange's": (
            2 * candles * YEAR * sizes["klines, bytes a row"]
        ),
        "ClickHouse: predictions": answers * YEAR * sizes["predictions, bytes a row"],
        "ClickHouse: scores": answers * YEAR * sizes["scores, bytes a row"],
        "Kafka: trades, of 7 days": trades * KAFKA_TRADES_DAYS * kafka_a_trade,
        "Kafka: candles, ours and the exchange's": (
            2 * candles * YEAR * sizes["market.klines.v1, bytes a record"]
        ),
        "Kafka: predictions, of 30 days": (
            answers * KAFKA_PREDICTIONS_DAYS * sizes["model.predictions.v1, bytes a record"]
        ),
        "Kafka: scores": answers * YEAR * sizes["model.scores.v1, bytes a record"],
    }
    for name, held in (kept | {"**all**": sum(kept.values())}).items():
        yield [name, *(f"{held * times / GB:,.0f}" for times in EXCHANGES.values())]
