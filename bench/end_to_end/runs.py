"""One run of one design: everything runs at once, from the first frame to the last candle."""

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import numpy as np

from bench.end_to_end.broker import CandleReader, reset
from bench.end_to_end.designs import Design, Place
from bench.end_to_end.market import Key, Market
from bench.end_to_end.processes import Watched, cpu_s, peak_mb, python
from tests.support.servers import RunningKafka

SETTLE_S = 6.0  # a client asks REST for the past, and once more after three seconds
BEHIND_MS = 10_000  # event time by which a design may close its candles later than at once
WARM_S, CATCH_UP_S, LATE_S = 90.0, 600.0, 10.0
PARTS = ("producer", "broker", "worker")


@dataclass(frozen=True, slots=True)
class Row:
    """What a run has shown: by process, seconds of a processor a million trades and peak MB."""

    name: str
    cpu: dict[str, float]
    peak: dict[str, float]
    rate: float
    right: int
    wanted: int
    latency_ms: list[float] = field(default_factory=list)

    @property
    def sum(self) -> float:
        return sum(self.cpu[part] for part in PARTS)


@dataclass(slots=True)
class Stage:
    """What runs, and what came of it so far."""

    design: Design
    market: Market
    exchange: Watched
    pids: dict[str, int]
    processes: list[Watched]
    reader: CandleReader

    def tell(self, trades: int, speed: float) -> None:
        """Have the exchange send all up to a number of trades."""
        frames = self.market.frame_of[self.design.frames]
        self.exchange.tell(f"{frames[trades - 1] + 1} {speed}")

    def poll(self, until: Callable[[], bool], within_s: float) -> bool:
        """Read candles until a condition holds; return whether it came to hold."""
        deadline = time.monotonic() + within_s
        while not until():
            if time.monotonic() > deadline:
                return False
            self.reader.poll()
            for process in self.processes:
                process.check()
        return True

    def poll_for(self, keys: Collection[Key], within_s: float) -> bool:
        missing = set(keys)

        def are_there() -> bool:
            missing.difference_update(self.reader.take_new())
            return not missing

        return self.poll(are_there, within_s)

    def cpu(self) -> dict[str, float]:
        return {part: cpu_s(pid) for part, pid in self.pids.items()}

    def row(
        self, spent: dict[str, float], trades: int, seconds: float, keys: Collection[Key]
    ) -> Row:
        wanted = {key: self.market.candles[key] for key in keys}
        right = sum(self.reader.candles.get(key) == fields for key, fields in wanted.items())
        cpu = {part: used / trades * 1e6 for part, used in spent.items()}
        peak = {part: peak_mb(pid) for part, pid in self.pids.items()}
        return Row(self.design.name, cpu, peak, trades / seconds, right, len(wanted))

    def log(self) -> tuple[list[int], list[float]]:
        """How many trades were sent by when; both grow."""
        rows = np.load(self.market.folder / "sent.npy")
        frames = self.market.frame_of[self.design.frames]
        return np.searchsorted(frames, rows[:, 0]).tolist(), rows[:, 1].tolist()


@contextmanager
def staged(kafka: RunningKafka, design: Design, market: Market, number: int) -> Iterator[Stage]:
    """Start the exchange, the worker and the producer of a design, over an empty broker."""
    trades, candles = design.trades_topic(number), design.candles_topic(number)
    reset(kafka.bootstrap, trades, candles)
    logs = market.folder / f"{number}"
    logs.mkdir()
    with ExitStack() as stack:

        def start(name: str, command: list[str], **more: object) -> Watched:
            process = Watched(command, logs / f"{name}.log", talks=name == "exchange", **more)  # type: ignore[arg-type]
            stack.callback(process.stop)
            return process

        server = start(
            "exchange",
            python("bench.end_to_end.exchange", str(market.folder), str(market.start_ms)),
        )
        port = int(server.hear("LISTENING")[0])
        place = Place(kafka.bootstrap, trades, candles, port, logs)
        settings = place.environment(**dict(design.settings))
        worker = start("worker", [*design.worker(place)], environment=settings)
        producer = start("producer", [*design.producer(place)], environment=settings)
        server.hear("CLIENT")
        reader = CandleReader(kafka.bootstrap, candles, design.read)
        stack.callback(reader.close)
        pids = {"producer": producer.pid, "broker": kafka.pid, "worker": worker.pid}
        pids["exchange"] = server.pid
        stage = Stage(design, market, server, pids, [producer, worker, server], reader)
        stage.poll(lambda: False, SETTLE_S)
        yield stage


def flood(stage: Stage, warm: int, on_warm: Callable[[Stage], None] = lambda _: None) -> Row:
    """Send frames as fast as the producer reads; the time ends with the last candle.

    The first ``warm`` trades are not counted: their candles are there before the clock starts, and
    ``on_warm`` is done.
    """
    market, total = stage.market, len(stage.market.event_ms)
    by_ms = market.event_ms[warm] - BEHIND_MS
    early = [key for key, at in market.closing.items() if market.event_ms[at] < by_ms]
    stage.tell(warm, 0)
    if not stage.poll_for(early, WARM_S):
        raise RuntimeError("the candles of the first trades did not come")
    stage.exchange.hear("SENT")
    on_warm(stage)
    began, before = time.time(), stage.cpu()
    stage.tell(total, 0)
    stage.poll_for(market.candles.keys() - stage.reader.candles.keys(), CATCH_UP_S)
    seconds = stage.reader.last_s - began
    spent = {part: used - before[part] for part, used in stage.cpu().items()}
    return stage.row(spent, total - warm, seconds, market.candles)


def live(
    stage: Stage,
    *,
    rate: float,
    speed: float,
    warm_s: float,
    seconds: float,
    on_warm: Callable[[Stage], None] = lambda _: None,
) -> Row:
    """Send frames at a steady rate; what is counted begins after ``warm_s``, with ``on_warm``."""
    market = stage.market
    first, last = int(rate * warm_s), int(rate * (warm_s + seconds))
    closing = {key: at for key, at in market.closing.items() if at < last}
    began = time.time()
    stage.tell(len(market.event_ms) - 1, speed)
    stage.poll(lambda: time.time() >= began + warm_s, warm_s + 1)
    on_warm(stage)
    from_s, before = time.time(), stage.cpu()
    stage.poll(lambda: time.time() >= began + warm_s + seconds, seconds + 1)
    to_s, after = time.time(), stage.cpu()
    stage.poll_for(closing.keys() - stage.reader.candles.keys(), LATE_S)
    stage.exchange.hear("SENT")
    counts, times = stage.log()
    trades = int(np.interp(to_s, times, counts) - np.interp(from_s, times, counts))
    spent = {part: after[part] - before[part] for part in before}
    row = stage.row(spent, trades, to_s - from_s, closing)
    for key, at in closing.items():
        if at >= first and key in stage.reader.seen_s:
            sent_s = times[int(np.searchsorted(counts, at, side="right"))]
            row.latency_ms.append((stage.reader.seen_s[key] - sent_s) * 1000)
    return row
