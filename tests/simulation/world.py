"""One schedule: a seed decides who runs next, when each message arrives, and what goes wrong."""

import heapq
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from schemas.live_settings import StreamSettings
from schemas.settings import Settings
from tests.simulation.checks import Checks, Violation
from tests.simulation.clock import Clock
from tests.simulation.exchange import SYMBOLS, Exchange
from tests.simulation.faults import Odds, drawn
from tests.simulation.kafka import Broker
from tests.simulation.processes import Process, ProducerProcess, SinkProcess, WorkerProcess
from tests.simulation.store import Store

_MS = 1_000_000
QUARTER_MS = 900_000
SETTLE_MS = 300_000


class World:
    """Everything that one seed decides.

    Attributes:
        rng: Draws all that is drawn.
        skip: Numbers of faults that are left out, to shrink a schedule.
        steps: Callbacks, deliveries and calls so far.
        faults: What went wrong: number, milliseconds since the begin, what.
    """

    def __init__(
        self, seed: int, *, skip: frozenset[int] = frozenset(), odds: Odds | None = None
    ) -> None:
        self.rng = random.Random(seed)
        self.skip = skip
        self.steps = 0
        self.crashes: Counter[str] = Counter()
        self.faults: list[tuple[int, int, str]] = []
        self.clock = Clock()
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0
        self._fault_count = 0
        rng = self.rng
        self.clock.now_ns += rng.randrange(13 * 60_000, 16 * 60_000) * _MS
        self.begun_ns = self.clock.now_ns
        self.odds = replace(odds) if odds else drawn(rng)  # `run` clears them at its end
        self.symbols = SYMBOLS[: rng.choice((1, 2, 3))]
        self.paces_ms = [rng.choice((400, 2_000, 10_000, 40_000)) for _ in self.symbols]
        self.lasts_ms = rng.choice((5_000, 15_000, 40_000, 90_000))
        stream = StreamSettings(
            give_up_s=rng.choice((1, 3, 20)),
            silence_s=rng.choice((5, 15)),
            block_trades=rng.choice((2, 10, 1000)),
        )
        self.settings = Settings(symbols=self.symbols, stream=stream)
        self.store_is_away = False
        self.broker = Broker(self)
        self.store = Store(self)
        self.exchange = Exchange(self)
        self.processes: list[Process] = [
            ProducerProcess(self), WorkerProcess(self), SinkProcess(self)
        ]  # fmt: skip
        self.checks = Checks(self)

    @property
    def passed_ms(self) -> int:
        return (self.clock.now_ns - self.begun_ns) // _MS

    def after(self, delay_ms: int, call: Callable[[], None]) -> None:
        """Let something happen later."""
        self._count += 1
        heapq.heappush(self._events, (self.clock.now_ns + delay_ms * _MS, self._count, call))

    def latency_ms(self) -> int:
        """Draw how long the network takes."""
        if self.rng.random() < self.odds.slow:
            return self.rng.randrange(20, 2_500)
        return self.rng.randrange(1, 15) if self.rng.random() < 0.8 else self.rng.randrange(15, 300)

    def dies_at(self, process: Process, where: str) -> bool:
        """Decide whether a process dies now."""
        is_dead = self.rng.random() < self.odds.kill * 5 and self.fault(
            f"{process.name} dies {where}"
        )
        self.crashes[process.name] += is_dead
        return is_dead

    def fault(self, what: str) -> bool:
        """Record a fault; False if this schedule leaves it out."""
        number, self._fault_count = self._fault_count, self._fault_count + 1
        if number in self.skip:
            return False
        self.faults.append((number, self.passed_ms, what))
        return True

    def run(self) -> None:
        """Run the schedule, then let it settle; raises Violation."""
        while self.passed_ms < self.lasts_ms:
            self.step()
            self._draw_faults()
        self._calm_down()
        until_ms = self.passed_ms + SETTLE_MS
        looked_ms = 0
        while not (self.passed_ms - looked_ms > 1_000 and self.checks.is_settled()):
            if self.passed_ms - looked_ms > 1_000:
                looked_ms = self.passed_ms
            if self.passed_ms > until_ms:
                raise Violation(f"it does not settle: {self.checks.unsettled()}")
            self.step()
        self.checks.at_end()

    def step(self) -> None:
        """Run one thing of those that could run now, or let time pass."""
        now_ns = self.clock.now_ns
        ready: list[Process] = []
        for one in self.processes:
            if not one.is_alive and one.starts_ns is not None and one.starts_ns <= now_ns:
                one.start()
            if one.is_alive and one.until_ns <= now_ns and one.is_ready():
                ready.append(one)
        is_due = bool(self._events) and self._events[0][0] <= now_ns
        count = len(ready) + is_due
        if not count:
            self._pass_time()
            return
        self.steps += 1
        chosen = self.rng.randrange(count) if count > 1 else 0
        if chosen == len(ready):
            heapq.heappop(self._events)[2]()
            return
        process = ready[chosen]
        try:
            process.run_one()
        except SystemExit:
            self.kill(process)
        if self.checks.wrong:
            raise Violation(self.checks.wrong)

    def kill(self, process: Process) -> None:
        """Kill a process; it is started again some time later."""
        process.kill()
        process.starts_ns = self.clock.now_ns + self.rng.randrange(50, 3_000) * _MS

    def close(self) -> None:
        for process in self.processes:
            process.kill()

    def _pass_time(self) -> None:
        moments = [self._events[0][0]] if self._events else []
        for one in self.processes:
            if one.is_alive:
                due_ns = one.next_ns()
                if due_ns is not None:
                    moments.append(max(due_ns, one.until_ns))
            elif one.starts_ns is not None:
                moments.append(one.starts_ns)
        self.clock.now_ns = max(min(moments), self.clock.now_ns + 1)

    def _draw_faults(self) -> None:
        rng, odds = self.rng, self.odds
        process = rng.choice(self.processes)
        drawn_of = rng.random()
        if drawn_of < odds.kill and process.is_alive and self.fault(f"kill {process.name}"):
            self.crashes[process.name] += 1
            self.kill(process)
        for chance, what, begin in self._others():
            if chance and rng.random() < chance and self.fault(what):
                begin()

    def _others(self) -> list[tuple[float, str, Callable[[], None]]]:
        odds = self.odds
        return [
            (odds.pause, "pause a process", self._pause),
            (odds.broker_away, "Kafka goes away", lambda: self._away(self.broker, "is_away")),
            (odds.store_away, "ClickHouse goes away", lambda: self._away(self, "store_is_away")),
            (odds.rest_away, "REST goes away", lambda: self._away(self.exchange, "rest_is_away")),
            (odds.cut, "connections are cut", self.exchange.cut),
            (odds.leap, "the steady clock leaps", self._leap),
            (odds.wall, "the UTC clock jumps", self._jump),
        ]

    def _pause(self) -> None:
        process = self.rng.choice(self.processes)
        process.until_ns = self.clock.now_ns + self.rng.randrange(500, 20_000) * _MS

    def _away(self, whom: object, name: str) -> None:
        setattr(whom, name, True)
        self.after(self.rng.randrange(200, 20_000), lambda: setattr(whom, name, False))

    def _leap(self) -> None:
        self.clock.now_ns += self.rng.randrange(1_000, 40_000) * _MS

    def _jump(self) -> None:
        self.clock.wall_ms = self.rng.randrange(-3_600_000, 3_600_000)

    def _calm_down(self) -> None:
        self.odds.clear()
        self.exchange.is_trading = False
        self.broker.is_away = self.store_is_away = self.exchange.rest_is_away = False
        for process in self.processes:
            process.until_ns = 0
