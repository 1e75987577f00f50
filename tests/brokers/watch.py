"""For how long nothing came: each topic as a subscriber sees it, the store, and the API."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import httpx
from clickhouse_connect.driver.exceptions import ClickHouseError
from confluent_kafka import OFFSET_END, Message, TopicPartition

from clients.kafka.opening import open_reader
from schemas.codecs import decode
from schemas.market import Candle
from schemas.predictions import Prediction
from schemas.topics import CANDLES, CANDLES_LIVE, PREDICTIONS, TRADES
from tests.brokers.cluster import PARTITIONS
from tests.brokers.world import World

# What is looked at, and what makes it.
STEPS: Final = {
    "trades": "stream",
    "open candles": "worker",
    "stored": "sink",
    "API": "api",
}
CLOSED, PREDICTED = "closed candles", "predictions"
_TOPICS: Final = (TRADES, CANDLES_LIVE, CANDLES, PREDICTIONS)
_STORED: Final = "SELECT symbol, max(agg_id) FROM trades WHERE event_time > now() - 120 GROUP BY 1"
_QUIET: Final = """
SELECT symbol, arrayMax(arrayDifference(arraySort(groupArray(event_ms)))) / 1000 FROM
    (SELECT symbol, toUnixTimestamp64Milli(event_time) AS event_ms FROM trades
     WHERE event_ms > toUnixTimestamp64Milli(now64(3)) - {for_s:Float64} * 1000)
GROUP BY symbol
"""
_EVERY_S: Final = 0.2


@dataclass(slots=True)
class Watch:
    """When something new came of each symbol, and how late after its minute.

    Attributes:
        came: By step and symbol, seconds of the steady clock.
        late: By step, pairs of when something came and how long after its minute, in seconds.
    """

    symbols: tuple[str, ...]
    came: dict[str, dict[str, list[float]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    late: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    highest: dict[str, int] = field(default_factory=dict)

    def pause_s(
        self, step: str, since_s: float, until_s: float, quiet_s: Mapping[str, float]
    ) -> float:
        """Return the longest time without anything new of a symbol, of any one.

        Args:
            step: One of `STEPS`.
            since_s: Where to begin, in seconds of the steady clock.
            until_s: Where to end.
            quiet_s: For how long nothing of a symbol was traded; that long nothing can come.
        """
        came = self.came[step]
        return max(
            max(0.0, self._pauses(came[name], since_s, until_s) - quiet_s.get(name, 0.0))
            for name in self.names(step)
        )

    def late_s(self, step: str, since_s: float, until_s: float) -> float:
        """Return how late after its minute something came, at most; 0 if nothing came."""
        return max((late for at, late in self.late[step] if since_s <= at < until_s), default=0.0)

    def names(self, step: str) -> tuple[str, ...]:
        """Return of what a step tells."""
        return (step,) if step == "API" else self.symbols

    def take(self, message: Message) -> None:
        """Note a record of a topic."""
        now_s, value = time.monotonic(), message.value() or b""
        if message.topic() == TRADES.name:
            self.came["trades"][_key(message)].append(now_s)
        elif message.topic() == CANDLES_LIVE.name:
            self.came["open candles"][_key(message)].append(now_s)
        elif message.topic() == CANDLES.name:
            candle = decode(Candle, value)
            if candle.interval == "1m" and candle.revision == 1:
                self._note(CLOSED, now_s, candle.close_ms)
        elif (prediction := decode(Prediction, value)).scored:
            self._note(PREDICTED, now_s, prediction.issued_ms)

    def take_stored(self, rows: list[tuple[object, ...]]) -> None:
        """Note which symbols have newer trades in the store."""
        now_s = time.monotonic()
        for name, newest in rows:
            symbol, agg_id = str(name), int(str(newest))
            if agg_id > self.highest.get(symbol, -1):
                self.highest[symbol] = agg_id
                self.came["stored"][symbol].append(now_s)

    def _note(self, step: str, now_s: float, of_ms: int) -> None:
        late_s = time.time() - of_ms / 1000
        if late_s < 600:  # else it is of the past
            self.late[step].append((now_s, late_s))

    @staticmethod
    def _pauses(came: list[float], since_s: float, until_s: float) -> float:
        before = max((at for at in came if at < since_s), default=since_s)
        times = [before, *(at for at in came if since_s <= at < until_s), until_s]
        return max(b - a for a, b in pairwise(times))


@contextmanager
def watching(world: World) -> Iterator[Watch]:
    """Look at everything while the block runs."""
    watch, over = Watch(world.symbols), threading.Event()
    looks = (_read_topics, _look_at_store, _ask_api)
    threads = [threading.Thread(target=look, args=(world, watch, over)) for look in looks]
    for thread in threads:
        thread.start()
    try:
        yield watch
    finally:
        over.set()
        for thread in threads:
            thread.join()


def quiet_s(world: World, for_s: float) -> dict[str, float]:
    """Return for how long at most nothing of each symbol was traded, in the time up to now.

    Between two trades that are stored it is exact. What lasts until now is behind the last one, so
    the exchange is asked too: its candles of a second.
    """
    between = {str(name): float(str(s)) for name, s in world.rows(_QUIET, for_s=for_s)}
    return {s: max(between.get(s, 0.0), _still_s(world, s, for_s)) for s in world.symbols}


def _still_s(world: World, symbol: str, for_s: float) -> float:
    """Return how many seconds in a row had no trade, at most."""
    until_ms = time.time_ns() // 1_000_000
    asked = {"symbol": symbol, "interval": "1s", "startTime": until_ms - int(for_s * 1000)}
    url = f"http://127.0.0.1:{world.ports['exchange']}/api/v3/klines"
    answer = httpx.get(url, params={**asked, "limit": 1000}, timeout=20).raise_for_status()
    longest = still = 0
    for kline in answer.json():
        still = 0 if kline[8] else still + 1
        longest = max(longest, still)
    return float(longest)


def _read_topics(world: World, watch: Watch, over: threading.Event) -> None:
    reader = open_reader(world.cluster.settings, "watch", fetch_wait_ms=20)
    reader.assign(
        [TopicPartition(t.name, n, OFFSET_END) for t in _TOPICS for n in range(PARTITIONS)]
    )
    while not over.is_set():
        message = reader.poll(0.2)
        if message is not None and not message.error():
            watch.take(message)
    reader.close()


def _look_at_store(world: World, watch: Watch, over: threading.Event) -> None:
    while not over.wait(_EVERY_S):
        with suppress(ClickHouseError):
            watch.take_stored(world.rows(_STORED))


def _ask_api(world: World, watch: Watch, over: threading.Event) -> None:
    while not over.wait(_EVERY_S):
        if world.answers():
            watch.came["API"]["API"].append(time.monotonic())


def _key(message: Message) -> str:
    return (message.key() or b"").decode()
