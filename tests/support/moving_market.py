"""A market that moves now: every fifth of a second each symbol trades and each model answers."""

import threading
import time
from dataclasses import dataclass, field, replace
from typing import Self

from confluent_kafka import Producer

from schemas import topics
from schemas.codecs import Record, message_of
from schemas.market import Candle
from schemas.topics import Topic
from tests.support.api_market import QUARTER_MS, SYMBOLS, a_prediction, a_quarter
from tests.support.builders import MINUTE_MS, a_block, a_candle, a_trade

EVERY_S = 0.2


@dataclass(slots=True)
class MovingMarket:
    """Sends what the producers and the processors would."""

    bootstrap: str
    next_id: int = 1
    _ending: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        config = {"bootstrap.servers": self.bootstrap, "linger.ms": 1, "log_level": 0}
        producer = Producer(config | {"partitioner": "murmur2_random"})
        while not self._ending.is_set():
            now_ms = time.time_ns() // 1_000_000
            for topic, record in self._records(now_ms):
                message = message_of(record)
                headers = list(message.headers)
                producer.produce(topic.name, message.value, message.key, headers=headers)
            producer.poll(0)
            self._ending.wait(EVERY_S)
        producer.flush(10)

    def _records(self, now_ms: int) -> list[tuple[Topic, Record]]:
        found: list[tuple[Topic, Record]] = []
        open_ms = now_ms // QUARTER_MS * QUARTER_MS
        minute_ms = now_ms // MINUTE_MS * MINUTE_MS - MINUTE_MS
        for symbol in SYMBOLS:
            trade = a_trade(self.next_id, symbol=symbol, event_ms=now_ms)
            asked = replace(a_prediction(symbol=symbol, open_ms=open_ms), issued_ms=now_ms)
            found += [
                (topics.TRADES, a_block([trade])),
                (topics.CANDLES_LIVE, an_open_candle(open_ms, now_ms, symbol)),
                (topics.PREDICTIONS, asked),
            ]
            closed = replace(a_candle(open_ms=minute_ms), symbol=symbol, event_ms=minute_ms)
            found.append((topics.CANDLES, closed))
        self.next_id += 1
        return found


def an_open_candle(open_ms: int, now_ms: int, symbol: str) -> Candle:
    return replace(
        a_quarter(0, symbol),
        open_ms=open_ms,
        close_ms=open_ms + QUARTER_MS,
        event_ms=now_ms,
        status="open",
        revision=0,
    )
