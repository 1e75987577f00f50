"""One run: the schedule is done to a stack, and what came of it is judged at quiet points."""

import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx
import orjson
from clickhouse_connect.driver.exceptions import ClickHouseError

from schemas.errors import CandlewickError
from schemas.timeframe import MINUTE_MS
from tests.chaos import reading
from tests.chaos.deeds import Deeds
from tests.chaos.held import Asked, Minute
from tests.chaos.judge import differences
from tests.chaos.resources import Peaks, watched
from tests.chaos.schedule import Fault, Kind, schedule
from tests.chaos.world import World, running_world
from tests.support.stack import eventually

READY_S: Final = 180.0
PATIENCE_S: Final = 300.0  # for everything to be stored, repaired and scored after the last fault
_STEP_S: Final = 0.05
_AWAY: Final = (ClickHouseError, CandlewickError, httpx.HTTPError, OSError)
_DOUBT: Final = {"contradict": 2, "reset-ids": 3}  # minutes that nothing proves afterwards


@dataclass(slots=True)
class Outcome:
    """What came of a run.

    Attributes:
        wrong: Everything that is wrong; empty if all is well.
        after: Faults up to the quiet point at which it was found.
    """

    seed: int
    minutes: float
    done: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    after: list[Fault] = field(default_factory=list)
    judged: str = ""
    peaks: Peaks = field(default_factory=Peaks)


@dataclass(slots=True)
class _Run:
    world: World
    deeds: Deeds
    say: Callable[[str], None]
    since_ms: dict[str, int] = field(default_factory=dict)
    doubted: set[Minute] = field(default_factory=set)

    def until(self, at_s: float) -> float:
        """Wait until a time; return by how much the stack's own start has put it off."""
        late_s = 0.0
        while True:
            self.deeds.undo_due()
            before_s = time.monotonic()
            if self.deeds.keep_up():
                late_s += time.monotonic() - before_s
            if time.monotonic() >= at_s + late_s:
                return late_s
            time.sleep(_STEP_S)

    def do(self, fault: Fault) -> None:
        hit = self.deeds.do(fault)
        self.say(f"{fault}{'' if hit else '   (nothing was there to be hit)'}")
        if fault.kind == Kind.LIE:
            self._doubt(orjson.loads(fault.value))

    def settled(self) -> tuple[list[str], str]:
        """Repair everything, and wait until nothing is wrong, or until patience ends."""
        self.deeds.undo_all()
        until_ms = (time.time_ns() // 1_000_000 // MINUTE_MS + 1) * MINUTE_MS
        deadline, wrong, judged = time.monotonic() + PATIENCE_S, ["nothing could be read"], ""
        while wrong and time.monotonic() < deadline:
            time.sleep(2)
            if time.time_ns() // 1_000_000 < until_ms + 5_000:
                continue
            try:
                wrong, judged, for_good = self._judge(until_ms)
            except _AWAY as error:
                wrong = [f"nothing could be read: {error!r}"]
                continue
            if for_good:
                break
        return wrong, judged

    def _judge(self, until_ms: int) -> tuple[list[str], str, bool]:
        stack = self.world.stack
        held = reading.held(stack, self.doubted)
        self.since_ms = reading.first_whole(held) | self.since_ms
        klines = reading.klines(stack, self.since_ms, until_ms)
        late = reading.late(stack)
        asked = Asked(self.since_ms, until_ms, frozenset(self.doubted), late)
        judged = (
            f"{len(klines)} candles, {sum(run.rows for run in held.runs)} trades, "
            f"{len(held.answers)} predictions, {len(held.scores)} scores; doubted "
            f"{len(self.doubted)} minutes, late {len(late)}"
        )
        wrong = differences(held, klines, asked) + self._unwell()
        return wrong, judged, bool(wrong) and len(wrong) == len(held.letters)  # a letter stays

    def _unwell(self) -> list[str]:
        stack = self.world.stack
        wrong = []
        if not stack.is_healthy():
            wrong.append(f"the health check is red: {stack.get('/healthcheck').text[:500]}")
        if not stack.predicts():
            wrong.append("not every symbol has a prediction of the open candle")
        return wrong

    def _doubt(self, body: dict[str, object]) -> None:
        if "same-trade" not in str(body.get("how")) and body["kind"] != "reset-ids":
            return
        first_ms = (time.time_ns() // 1_000_000 // MINUTE_MS - 1) * MINUTE_MS
        many = _DOUBT[str(body["kind"])] + int(str(body.get("for_ms", 0))) // MINUTE_MS
        symbol = str(body["symbol"])
        self.doubted |= {(symbol, first_ms + n * MINUTE_MS) for n in range(many + 1)}
        if body["kind"] == "reset-ids":  # its past is gone: there is nothing to compare with
            self.since_ms[symbol] = first_ms + (many + 1) * MINUTE_MS


def run(
    folder: Path, *, seed: int, minutes: float, say: Callable[[str], None], disks: bool = True
) -> Outcome:
    """Do a schedule to a stack that is started over a folder."""
    outcome = Outcome(seed, minutes)
    with running_world(folder, seed=seed, rate=150.0, disks=disks) as world:
        for kind, why in world.impossible.items():
            say(f"left out: {kind}: {why}")
        eventually(world.stack.predicts, world.stack.logs, within_s=READY_S)
        faults = schedule(seed, minutes, leave_out=frozenset(world.impossible))
        with watched(world) as outcome.peaks:
            try:
                _do_all(faults, world, outcome, say)
            except AssertionError as error:
                outcome.wrong = [str(error)]
        outcome.wrong += outcome.peaks.beyond()
        if outcome.wrong:
            _keep(world, folder, say)
    return outcome


def _do_all(
    faults: list[Fault], world: World, outcome: Outcome, say: Callable[[str], None]
) -> None:
    deeds = Deeds(world, say)
    one = _Run(world, deeds, say)
    outcome.done, outcome.missed = deeds.done, deeds.missed
    began_s = time.monotonic()
    for fault in faults:
        began_s += one.until(began_s + fault.at_s)
        outcome.after.append(fault)
        before_s = time.monotonic()
        if fault.kind == Kind.QUIET:
            outcome.wrong, outcome.judged = one.settled()
            took_s = time.monotonic() - before_s
            say(f"quiet after {took_s:.0f} s: {outcome.judged}, {len(outcome.wrong)} wrong")
            if outcome.wrong:
                return
        else:
            one.do(fault)
        began_s += time.monotonic() - before_s  # the schedule stands still meanwhile


def _keep(world: World, folder: Path, say: Callable[[str], None]) -> None:
    when = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    place = Path(tempfile.gettempdir()) / f"candlewick-{folder.name}-{when}"
    world.stack("down")
    world.keep(place)
    say(f"the data folder is kept: {place}")
