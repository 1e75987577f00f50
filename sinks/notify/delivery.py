"""Brings waiting events to their targets, each at its own pace, with pauses after failures."""

from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from clients.clock import steady_ms, wall_ms
from clients.limits import begun
from clients.retry import doubled
from clients.watching.log import EventLog
from schemas.errors import CandlewickError
from sinks.notify.mailbox import Message, next_message
from sinks.notify.plan import Plan, Target
from sinks.notify.sending import NotSent, longest, send
from sinks.notify.store import Store
from sinks.notify.text import counted, time_text

FIRST_PAUSE_MS: Final = 2_000
LONGEST_PAUSE_MS: Final = 600_000
TROUBLED: Final = 2  # failures on end after which a target counts as failing
_log: Final = EventLog(__name__)
Send = Callable[[Target, Message], None]


@dataclass(slots=True)
class _Way:
    """The way to one target.

    Attributes:
        longest: Room in a message of its service.
        since_ms: When the first of the failures on end was seen, by the machine's clock.
        first_time: Events under way of which no earlier attempt may have succeeded.
    """

    target: Target
    longest: int
    sending: Message | None = None
    first_time: tuple[int, ...] = ()
    answer: Future[None] = field(default_factory=Future)
    failures: int = 0
    again_ms: int = 0
    since_ms: int = 0
    reason: str = ""


class Delivery:
    """The ways to all targets. Each call to a target runs in a thread of its own."""

    def __init__(self, plan: Plan, store: Store, send: Send = send) -> None:
        self._plan = plan
        self._store = store
        self._send = send
        self._ways = [_Way(target, longest(target)) for target in plan.targets]

    def step(self, now_ms: int, wall_ms: int) -> None:
        """See what has become of messages under way, and send the next ones.

        Args:
            now_ms: Our clock, for limits and pauses.
            wall_ms: The machine's clock, for quiet hours.
        """
        for way in self._ways:
            if way.sending is not None and way.answer.done():
                self._finish(way, way.sending, now_ms, wall_ms)
            if way.sending is None and now_ms >= way.again_ms:
                self._begin(way, now_ms, wall_ms)

    def finish(self, patience_s: float) -> None:
        """Wait for the messages under way; one without an answer by then counts as unsure."""
        under_way = {way.answer: way for way in self._ways if way.sending is not None}
        done, _ = wait(under_way, patience_s)
        for answer in done:
            way = under_way[answer]
            if way.sending is not None:
                self._finish(way, way.sending, steady_ms(), wall_ms())

    def failures(self, target: str) -> int:
        """Return how many times on end a target has failed."""
        return next(way.failures for way in self._ways if way.target.name == target)

    def trouble(self) -> str:
        """Return the targets that fail, since when and why; empty if none does."""
        return "; ".join(
            f"target {way.target.name} has failed since {time_text(way.since_ms)} ({way.reason}), "
            f"{counted(self._store.count(way.target.name), 'event')} waiting"
            for way in self._ways
            if way.failures >= TROUBLED
        )

    def _begin(self, way: _Way, now_ms: int, wall_ms: int) -> None:
        waiting, sent = self._store.waiting(way.target.name), self._store.sent(way.target.name)
        message = next_message(
            way.target,
            waiting,
            sent,
            now_ms=now_ms,
            wall_ms=wall_ms,
            page=self._plan.page,
            longest=way.longest,
        )
        if message is None:
            return
        unsure = {one.number for one in waiting if one.is_unsure}
        way.first_time = tuple(number for number in message.numbers if number not in unsure)
        with self._store.step():  # if this process ends now, nobody knows whether it was sent
            self._store.mark_unsure(way.first_time, is_unsure=True)
        way.sending = message
        way.answer = begun(f"target {way.target.name}", partial(self._run, way.target, message))

    def _run(self, target: Target, message: Message) -> None:
        try:
            self._send(target, message)
        except CandlewickError:
            raise
        except BaseException as error:  # noqa: BLE001 - its text may show the address
            raise NotSent(f"{target.name}: {type(error).__name__}", is_unsure=True) from None

    def _finish(self, way: _Way, message: Message, now_ms: int, wall_ms: int) -> None:
        name, error = way.target.name, way.answer.exception()
        way.sending = None
        if error is None:
            with self._store.step():
                kept_ms = int(way.target.limit.minutes * 60_000)
                self._store.done(name, message.numbers, now_ms, kept_ms)
            _log.info(
                "target_took",
                "target {target} took {events}",
                target=name,
                events=counted(len(message.numbers), "event"),
            )
            way.failures, way.again_ms = 0, 0
            return
        if not getattr(error, "is_unsure", False):
            with self._store.step():
                self._store.mark_unsure(way.first_time, is_unsure=False)
        way.since_ms = way.since_ms if way.failures else wall_ms
        way.failures += 1
        way.reason = str(error).removeprefix(f"{name}: ")
        pause_ms = int(doubled(FIRST_PAUSE_MS, way.failures - 1, LONGEST_PAUSE_MS))
        way.again_ms = now_ms + pause_ms
        _log.warning(
            "target_retried",
            "target {target}: {reason}; again in {pause_s} s",
            target=name,
            reason=way.reason,
            pause_s=pause_ms // 1000,
        )
