"""A stream producer between a simulated exchange and a real Kafka, and what it has published."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, cast

from clients.kafka.reader import TopicReader
from schemas import topics
from schemas.codecs import Record, record_in
from schemas.market import TradeBlock
from schemas.symbols import ChosenBy, SymbolChoice
from tests.support.servers import RunningExchange, RunningKafka

RecordT = TypeVar("RecordT")
DEADLINE_S = 40.0


@dataclass(slots=True)
class StreamWorld:
    """Runs producers, and reads all topics from their beginning."""

    kafka: RunningKafka
    exchange: RunningExchange
    folder: Path
    records: dict[str, list[Record]] = field(default_factory=dict)
    _reader: TopicReader | None = None

    def environment(self, symbols: str, **settings: object) -> dict[str, str]:
        clean = {k: v for k, v in os.environ.items() if not k.startswith("CANDLEWICK_")}
        more = {f"CANDLEWICK_{name.upper()}": str(value) for name, value in settings.items()}
        return (
            clean
            | more
            | {
                "CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS": self.kafka.bootstrap,
                "CANDLEWICK_BINANCE__STREAM_URL": self.exchange.ws_url,
                "CANDLEWICK_BINANCE__REST_URL": self.exchange.http_url,
                "CANDLEWICK_DATA_DIR": str(self.folder),
                "CANDLEWICK_SYMBOLS": symbols,
            }
        )

    @contextmanager
    def stream(self, symbols: str, **settings: object) -> Iterator[subprocess.Popen[bytes]]:
        command = [sys.executable, "-m", "producers", "stream"]
        with (self.folder / "stream.log").open("ab") as log:
            environment = self.environment(symbols, **settings)
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def symbols(self, *arguments: str, setting: str) -> str:
        """Run `candlewick symbols`, and return what it prints."""
        done = subprocess.run(
            [sys.executable, "-m", "candlewick", "symbols", *arguments],
            env=self.environment(setting),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def read(self, topic: topics.Topic, record: type[RecordT]) -> list[RecordT]:
        """Return all records of a topic, in the order of arrival here."""
        self._reader = self._reader or TopicReader(self.kafka.settings, "test")
        held = self.records.setdefault(topic.name, [])
        held += (cast("Record", record_in(record, m)) for m in self._reader.new(topic))
        return cast("list[RecordT]", held)

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()

    def blocks(self, symbol: str) -> list[TradeBlock]:
        return [b for b in self.read(topics.TRADES, TradeBlock) if b.symbol == symbol]

    def said(self, symbol: str) -> list[SymbolChoice]:
        """The stream's own records of a symbol, oldest first."""
        found = self.read(topics.SYMBOLS, SymbolChoice)
        return [c for c in found if c.symbol == symbol and c.chosen_by == ChosenBy.SETTING]

    def status(self, symbol: str) -> str:
        said = self.said(symbol)
        return said[-1].status if said else "nothing is said"

    def next_id(self, symbol: str) -> int:
        return max((b.next_agg_id for b in self.blocks(symbol)), default=0)

    def watermark_ms(self, symbol: str) -> int:
        return max((b.watermark_ms for b in self.blocks(symbol)), default=0)

    def head(self, symbol: str) -> int:
        """The id that the exchange gives to its next trade."""
        state = cast(
            "Mapping[str, dict[str, dict[str, int]]]", self.exchange.admin("GET", "market")
        )
        return int(state["symbols"][symbol]["next_agg_id"])

    def market_ms(self) -> int:
        return int(cast("Mapping[str, int]", self.exchange.admin("GET", "market"))["now_ms"])

    def until(self, condition: Callable[[], object], *, within_s: float = DEADLINE_S) -> None:
        deadline = time.monotonic() + within_s
        while not condition():
            log = (self.folder / "stream.log").read_text()[-3_000:]
            assert time.monotonic() < deadline, f"it did not come to pass in time: {log}"
            time.sleep(0.05)

    def until_head(self, *symbols: str) -> None:
        """Wait until Kafka has what the exchange has now."""
        for symbol in symbols:
            head = self.head(symbol)
            self.until(lambda s=symbol, h=head: self.next_id(s) >= h)

    def assert_whole(self, symbol: str, *, from_id: int | None = None) -> None:
        """Check that ids follow each other without a hole."""
        blocks = [b for b in self.blocks(symbol) if len(b)]
        assert blocks, f"no trade of {symbol}"
        next_id = blocks[0].first_agg_id if from_id is None else from_id
        for block in blocks:
            assert block.first_agg_id <= next_id, (symbol, block.first_agg_id, next_id)
            next_id = max(next_id, block.next_agg_id)
