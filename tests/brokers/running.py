"""Each broker and process is killed in turn, then each is stopped and started; then the judge."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from schemas.timeframe import MINUTE_MS
from tests.brokers.cluster import NODES
from tests.brokers.watch import CLOSED, PREDICTED, STEPS, Watch, quiet_s, watching
from tests.brokers.world import COMMANDS, World, running_world
from tests.chaos import reading
from tests.chaos.held import Asked
from tests.chaos.judge import differences
from tests.support.stack import eventually

READY_S: Final = 900.0  # begun late in a quarter, 1.8 million trades are fetched first
JUDGED_S: Final = 240.0
_KILL_AT_S: Final = 57.0  # of a minute: whoever takes over has its close to do
_BACK_AT_S: Final = 35.0  # of the next one
_STEP_S: Final = 0.1
_BROKER: Final = "broker-"
ALONE: Final = {"stream"}  # nobody takes over: whoever watches it starts it again at once
_NEAR_S: Final = 75.0
_BEFORE_S: Final = 60.0  # a pause may have begun before
# How old the newest closed candle of each symbol is, in seconds.
_NEWEST: Final = """
SELECT symbol, date_diff('millisecond', max(close_time), now64(3)) / 1000 FROM candles
WHERE interval = '1m' GROUP BY symbol
"""


@dataclass(frozen=True, slots=True)
class Row:
    """What followed a fault: the longest pause of each step, in seconds."""

    fault: str
    pauses: dict[str, float]
    left: str


@dataclass(slots=True)
class Outcome:
    """What came of a run; `wrong` is empty if all is well."""

    rows: list[Row] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    judged: str = ""


def targets() -> list[str]:
    """Return everything that is killed, in turn."""
    return [f"{_BROKER}{node}" for node in NODES] + [n for n in COMMANDS if n != "backfill"]


def run(
    folder: Path, *, rate: float, killed: list[str], say: Callable[[str], None], rolls: bool = True
) -> Outcome:
    """Run everything twice over a folder, and do it."""
    outcome = Outcome()
    with running_world(folder, rate=rate) as world:
        eventually(lambda: _is_up(world), world.logs, within_s=READY_S)
        with watching(world) as watch:
            one = _Run(world, watch, outcome, say)
            one.wait_for(_KILL_AT_S)
            one.row("nothing", partial(one.wait_for, _BACK_AT_S))
            for name in killed:
                one.wait_for(_KILL_AT_S)
                one.row(f"kill -9 {name}", partial(one.kill, name))
                if name not in ALONE:
                    one.start(name)
            if rolls:
                for name in [*killed]:
                    one.row(f"restart {name}", partial(one.roll, name))
            one.judge()
    return outcome


@dataclass(slots=True)
class _Run:
    world: World
    watch: Watch
    outcome: Outcome
    say: Callable[[str], None]

    def row(self, fault: str, do: Callable[[], None]) -> None:
        since_s, before = time.monotonic(), self.world.left.copy()
        do()
        until_s = time.monotonic()
        quiet = quiet_s(self.world, until_s - since_s + _BEFORE_S)
        pauses = {step: self.watch.pause_s(step, since_s, until_s, quiet) for step in STEPS}
        for step in (CLOSED, PREDICTED):
            pauses[step] = self.watch.late_s(step, since_s, until_s)
        left = ", ".join(sorted((self.world.left - before).elements()))
        self.outcome.rows.append(Row(fault, pauses, left))
        told = "  ".join(f"{step} {pause:.1f}" for step, pause in pauses.items())
        self.say(f"{fault}: {told}  {left and 'started again: ' + left}")

    def kill(self, name: str) -> None:
        if name.startswith(_BROKER):
            self.world.cluster.kill(_node(name))
        else:
            self.world.kill(name)
        if name in ALONE:
            self.start(name)
        self.wait_for(_BACK_AT_S)

    def start(self, name: str) -> None:
        if name.startswith(_BROKER):
            self.world.cluster.start(_node(name))
            self.world.cluster.wait_until_up(_node(name))
            self.world.cluster.wait_until_whole()
        else:
            self.world.start(name)

    def roll(self, name: str) -> None:
        if name.startswith(_BROKER):
            self.world.cluster.stop(_node(name))
        else:
            self.world.stop(name)
        self.start(name)
        self._wait(time.time() + 10)

    def wait_for(self, second: float) -> None:
        """Wait until that second of a minute."""
        now_s = time.time()
        self._wait(now_s + (second - now_s) % 60)

    def judge(self) -> None:
        until_ms = (time.time_ns() // 1_000_000 // MINUTE_MS + 1) * MINUTE_MS
        self._wait(until_ms / 1000 + 5)
        deadline, wrong = time.monotonic() + JUDGED_S, ["nothing could be read"]
        while wrong and time.monotonic() < deadline:
            self._wait(time.time() + 2)
            wrong = self._wrong(until_ms)
        self.outcome.wrong = wrong

    def _wrong(self, until_ms: int) -> list[str]:
        world = self.world
        held = reading.held(world, frozenset())
        since_ms = reading.first_whole(held)
        klines = reading.klines(world, since_ms, until_ms)
        asked = Asked(since_ms, until_ms, frozenset(), reading.late(world))
        self.outcome.judged = (
            f"{len(klines)} candles, {sum(run.rows for run in held.runs)} trades, "
            f"{len(held.answers)} predictions, {len(held.scores)} scores"
        )
        healthy = [] if world.is_healthy() else [f"red: {world.get('/healthcheck').text[:500]}"]
        return differences(held, klines, asked) + healthy

    def _wait(self, until_s: float) -> None:
        while time.time() < until_s:
            self.world.start_again_what_left()
            time.sleep(_STEP_S)


def _is_up(world: World) -> bool:
    world.start_again_what_left()
    return world.is_healthy() and world.predicts() and _has_caught_up(world)


def _has_caught_up(world: World) -> bool:
    """Return whether the quarter of an hour before the start, which is fetched, is done."""
    newest = {str(name): float(str(ago_s)) for name, ago_s in world.rows(_NEWEST)}
    return newest.keys() >= set(world.symbols) and max(newest.values()) < _NEAR_S


def _node(name: str) -> int:
    return int(name.removeprefix(_BROKER))
