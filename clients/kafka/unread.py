"""Notices a partition of which nothing is read although records wait there and others go on.

After its leader has changed, librdkafka may ask a broker that no longer leads a partition, for ever
and without an error (its issues 4976, 5430 and 5593). A new client asks the right one.
"""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from clients.kafka.group import GroupOffsets, Place
from clients.kafka.watchdog import Watchdog
from clients.process import Standstill, leave
from clients.watching.metrics import progressed
from schemas.errors import CandlewickError

# A new leader takes some 20 s; and before a partition's turn all others may bring a megabyte each.
PATIENCE_S: Final = 120.0
_LOOK_S: Final = 15.0
_BEAT_S: Final = 1.0


class Unread:
    """Looks in a thread, and gives up where a partition stands still for too long."""

    def __init__(
        self,
        offsets: GroupOffsets,
        read_to: Callable[[], Mapping[Place, int]],
        *,
        give_up: Callable[[str], None] = leave,
        patience_s: float = PATIENCE_S,
        look_s: float = _LOOK_S,
    ) -> None:
        """Set it up.

        Args:
            offsets: Asked where partitions begin and end.
            read_to: Returns the newest offset that was read of each partition that is read now;
                -1 where reading begins at the oldest. Asked in the thread.
            give_up: Called with the reason; by default it ends the process.
            patience_s: For how long a partition may stand still, in seconds.
            look_s: How often Kafka is asked where the partitions end, in seconds.
        """
        self._offsets = offsets
        self._read_to = read_to
        self._give_up = give_up
        self._watchdog = Watchdog[Place](patience_s=patience_s)
        self._look_s = look_s
        self._stopped = threading.Event()

    def watch(self) -> None:
        """Begin to look."""
        threading.Thread(target=self._run, name="unread", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()

    def _run(self) -> None:
        standstill, stood = Standstill(), 0
        looked_s = time.monotonic()
        while not self._stopped.wait(min(_BEAT_S, self._look_s)):
            now_s = time.monotonic()
            if (times := standstill.look(now_s)) != stood:  # what stood still with us may go on
                stood = times
                self._watchdog.forget()
            if now_s - looked_s >= self._look_s:
                looked_s = now_s
                self._look()

    def _look(self) -> None:
        read_to = self._read_to()
        try:
            spans = self._offsets.spans(read_to)
        except CandlewickError:  # nobody answers, or files of certificates are being replaced
            spans = {}  # nothing waits as far as we know
        # What retention has removed is not there to be read.
        taken = {place: max(read_to[place], start - 1) for place, (start, _) in spans.items()}
        ends = {place: end for place, (_, end) in spans.items()}
        stuck = self._watchdog.stuck(ends, taken, now_s=time.monotonic())
        progressed("reading", self._watchdog.longest_s)
        if stuck:
            self._watchdog.forget()
            named = ", ".join(f"{topic} [{partition}]" for topic, partition in sorted(stuck))
            self._give_up(f"nothing was read from {named} although records are waiting")
