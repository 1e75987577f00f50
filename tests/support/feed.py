"""Trades of many symbols put on the trades topic at a pace, and the candles they must become."""

import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Self

from confluent_kafka import KafkaError, Message

from clients.kafka.opening import open_producer
from processors.candles.reducer import fold
from processors.candles.state import CandleRules, CandleState
from schemas import topics
from schemas.codecs import message_of
from schemas.market import Candle, Trade, TradeBlock
from schemas.settings import KafkaSettings
from tests.support.builders import START_MS, a_block, a_trade

SYMBOLS = tuple(f"COIN{i}USDT" for i in range(10))
BLOCK_TRADES = 50
_RULES = CandleRules()


@dataclass(slots=True)
class Feed:
    """Sends a block of a random symbol at a pace; a block spans most of an event minute.

    Attributes:
        every_s: Seconds between two blocks.
        eras_after: After so many of its blocks the ids of a symbol begin again.
    """

    bootstrap: str
    seed: int = 1
    every_s: float = 0.025
    eras_after: tuple[int, ...] = ()
    sent: list[TradeBlock] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        assert not self.lost, f"Kafka did not take what was sent: {self.lost[0]}"

    def candles(self, rules: CandleRules = _RULES) -> dict[tuple[str, str, int], Candle]:
        """The truth: every candle that the blocks sent so far close."""
        states: dict[str, CandleState] = {}
        closed: dict[tuple[str, str, int], Candle] = {}
        for block in self.sent:
            step = fold(states.get(block.symbol), block, rules)
            states[block.symbol] = step.state
            closed |= {(c.symbol, c.interval, c.open_ms): c for c in step.closed}
        return closed

    def _run(self) -> None:
        producer = open_producer(KafkaSettings(bootstrap_servers=self.bootstrap))
        for block in self._blocks():
            message = message_of(block)
            headers = list(message.headers)
            producer.produce(
                topics.TRADES.name,
                message.value,
                message.key,
                headers=headers,
                on_delivery=self._delivered,
            )
            self.sent.append(block)
            producer.poll(0)
            if self._stop.wait(self.every_s):
                break
        producer.flush()

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None or message.offset() is None:
            self.lost.append(str(error or "it is said to be there, but not where"))

    def _blocks(self) -> Iterator[TradeBlock]:
        rng = random.Random(self.seed)
        next_id = dict.fromkeys(SYMBOLS, 1)
        clock = dict.fromkeys(SYMBOLS, START_MS)
        sent = dict.fromkeys(SYMBOLS, 0)
        while True:
            symbol = rng.choice(SYMBOLS)
            if sent[symbol] in self.eras_after:
                next_id[symbol] = rng.randrange(1, 2 * next_id[symbol])
            sent[symbol] += 1
            block = a_block(list(_trades(rng, symbol, next_id, clock)))
            yield replace(block, era=sum(sent[symbol] > begun for begun in self.eras_after))


def _trades(
    rng: random.Random, symbol: str, next_id: dict[str, int], clock: dict[str, int]
) -> Iterator[Trade]:
    for _ in range(BLOCK_TRADES):
        clock[symbol] += rng.randrange(2_000)
        yield a_trade(
            next_id[symbol],
            symbol=symbol,
            event_ms=clock[symbol],
            price_e8=rng.randrange(1, 10**13),
            quantity_e8=rng.randrange(1, 10**12),
            taker_sold=rng.random() < 0.5,
        )
        next_id[symbol] += 1
