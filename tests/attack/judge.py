"""What became of the stack, seen from outside: processes, logs, the flow of data, the store."""

import re
import time
from collections import Counter
from dataclasses import dataclass
from typing import Final

from tests.attack.stored import false_rows
from tests.attack.tally import Fault, Tally
from tests.support.builders import MINUTE_MS
from tests.support.stack import Stack, eventually

PATIENCE_S: Final = 90.0
# Python's traces, and the first of each run of Java's lines.
_TRACE: Final = re.compile(r"^Traceback \(most recent|^(?!\tat ).*\n\tat ", re.MULTILINE)
_FLOWING = """
SELECT count() FROM
(
    SELECT symbol FROM trades WHERE symbol IN {symbols:Array(String)} AND event_time < now() + 60
    GROUP BY symbol HAVING toUnixTimestamp64Milli(max(event_time)) > {since_ms:Int64}
)
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """How things stood before a class of inputs."""

    starts: dict[str, tuple[object, int]]
    traces: Counter[str]


def look(stack: Stack) -> Seen:
    """Remember how things stand."""
    return Seen(_starts(stack), _traces(stack))


def judge(stack: Stack, before: Seen, tally: Tally) -> None:
    """Write down what a class of inputs did to the stack."""
    _wait_for_life(stack, tally)
    for name, now in _starts(stack).items():
        if now != before.starts.get(name):
            tally.blame(Fault.CRASH, f"{name} was started again")
    for log, count in (_traces(stack) - before.traces).items():
        tally.blame(Fault.TRACE, f"{count} in {log}", count=count)


def judge_data(stack: Stack, tally: Tally) -> None:
    """Write down candles that are not the exchange's, and rows that cannot be true."""
    until_ms = (_now_ms() // MINUTE_MS + 1) * MINUTE_MS
    try:
        stack.wait_for_candles(until_ms=until_ms)
        eventually(lambda: not stack.wrong_candles(until_ms=until_ms))
    except AssertionError:
        wrong = stack.wrong_candles(until_ms=until_ms)
        tally.blame(
            Fault.LOSS, f"candles unlike the exchange's: {wrong[:3]}", count=len(wrong) or 1
        )
    rows, faults = false_rows(stack)
    tally.tried += rows
    for fault in faults:
        tally.blame(Fault.ACCEPTED, fault)


def _wait_for_life(stack: Stack, tally: Tally) -> None:
    since_ms = _now_ms()
    for what, true in {
        "trades of every symbol are stored": lambda: _flows(stack, since_ms),
        "every symbol predicts": stack.predicts,
        "the health check is green": stack.is_healthy,
    }.items():
        try:
            eventually(true, within_s=PATIENCE_S)
        except AssertionError:
            tally.blame(Fault.SILENCE, f"not so after {PATIENCE_S:.0f} s: {what}")


def _flows(stack: Stack, since_ms: int) -> bool:
    bound = {"symbols": list(stack.symbols), "since_ms": since_ms}
    return stack.rows(_FLOWING, **bound) == [(len(stack.symbols),)]


def _starts(stack: Stack) -> dict[str, tuple[object, int]]:
    """Return each process: who it is, and how often it was started again."""
    return {
        name: ((process["identity"] or {}).get("pid"), process["restarts"])
        for name, process in stack.states().items()
    }


def _traces(stack: Stack) -> Counter[str]:
    logs = (stack.folder / "logs").glob("*.log*")
    return Counter({log.name: len(_TRACE.findall(log.read_text(errors="replace"))) for log in logs})


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
