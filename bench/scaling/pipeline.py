"""How the cost of the whole pipeline grows with symbols, and with trades a second."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.end_to_end.whole import Whole, whole_exchange
from bench.scaling.results import Point, Run, say
from bench.scaling.sizes import LIVE, logs, record_sizes, table_sizes
from schemas.settings import KafkaSettings
from schemas.topics import TRADES

DELAYS = {
    "trade sent to block made": """
SELECT quantilesExact(0.5, 0.95, 0.99)(date_diff('millisecond', event_time, received_time))
FROM trades WHERE toUnixTimestamp64Milli(event_time) BETWEEN {from_ms:Int64} AND {until_ms:Int64}
HAVING count() > 0
""",
    "trade sent to stored": """
SELECT quantilesExact(0.5, 0.95, 0.99)(date_diff('millisecond', event_time, stored_time))
FROM trades WHERE toUnixTimestamp64Milli(event_time) BETWEEN {from_ms:Int64} AND {until_ms:Int64}
HAVING count() > 0
""",
    "end of minute to candle stored": """
SELECT quantilesExact(0.5, 0.95, 0.99)(date_diff('millisecond', close_time, stored_time))
FROM candles WHERE interval = '1m' AND revision = 1
    AND toUnixTimestamp64Milli(close_time) BETWEEN {from_ms:Int64} AND {until_ms:Int64}
HAVING count() > 0
""",
}


def by_symbols(counts: Sequence[int], rate: float, seconds: float, command: str) -> Run:
    """Start anew with each number of symbols; the rate is that of all together."""
    run = Run("symbols", command)
    for count in counts:
        with (
            tempfile.TemporaryDirectory() as folder,
            whole_exchange(Path(folder), count) as whole,
        ):
            followed_s = whole.follow()
            point = look(whole, rate, seconds, at=count)
            point.figures["s until all are followed"] = followed_s
            run.points.append(say(point))
    return run


def by_rate(symbols: int, rates: Sequence[float], seconds: float, command: str) -> Run:
    """Raise the rate until it no longer keeps up."""
    run = Run("rate", command)
    with (
        tempfile.TemporaryDirectory() as folder,
        whole_exchange(Path(folder), symbols) as whole,
    ):
        whole.follow()
        for rate in rates:
            run.points.append(say(look(whole, rate, seconds, at=rate)))
            if not run.points[-1].is_held:
                break
        run.sizes.update(weigh(whole))
    return run


def weigh(whole: Whole) -> dict[str, float]:
    """Bytes on disk of what it made; tables as time merges them."""
    whole.store.command("OPTIMIZE TABLE trades FINAL")
    kafka = KafkaSettings(bootstrap_servers=whole.servers)
    records = record_sizes(whole.folder / "kafka", kafka, LIVE)
    return table_sizes(whole.store, ["trades"]) | records


def trade_bytes(whole: Whole) -> int:
    return sum(logs(whole.folder / "kafka", TRADES.name))


def look(whole: Whole, rate: float, seconds: float, *, at: float) -> Point:
    """Trade at a rate, say what that takes, and let all be stored before the next one."""
    weight, (sent, _) = trade_bytes(whole), whole.sent()
    step = whole.hold(rate, seconds)
    memory, figures = whole.memory(), {"s behind": step.behind_s, "MB unread": step.waiting / 1e6}
    figures["producer starved, %"] = 100 * step.starved["producer"]
    if not step.is_held:
        figures |= whole.lags()
    figures["s until all is stored"] = whole.drain()
    traded = whole.sent()[0] - sent
    figures["Kafka bytes a trade"] = (trade_bytes(whole) - weight) / traded
    delays = {}
    for name, query in DELAYS.items():
        for (quantiles,) in whole.rows(query, from_ms=step.from_ms, until_ms=step.until_ms):
            delays[name] = [float(ms) for ms in np.array(quantiles)]
    return Point(at, step.cores, memory, delays, figures, step.is_held)
