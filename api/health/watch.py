"""Looks at everything every few seconds, in one thread, so that a question about it costs nothing.

It has clients of its own, each with a limit: who holds up the requests does not hold up this.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from api.health.checks import Check, State
from api.health.lag import API, Lag, Lags, read_offsets
from api.health.stored import Stored, read_stored
from api.live.feed import Feed
from api.queries.clickhouse import Reader
from clients.kafka.group import GroupOffsets
from clients.process import Progress, leave
from schemas.errors import CandlewickError
from schemas.settings import Settings

LOG = logging.getLogger(__name__)
ANSWER_S: Final = 5.0
STALL_S: Final = 90.0  # more than all calls of one look may take
LATE_S: Final = 45.0  # so long a look may be in coming
NEVER: Final = Check("", State.STARTING, "not looked at yet")


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen.

    Attributes:
        at_s: When, monotonic seconds.
        stored: None where the store does not answer.
        lags: None where Kafka does not answer.
        members: How many processes are in each group.
    """

    at_s: float
    database: Check
    broker: Check
    stored: tuple[Stored, ...] | None = None
    lags: tuple[Lag, ...] | None = None
    members: dict[str, int] = field(default_factory=dict)


class Watch:
    """The thread, and what it saw last.

    Attributes:
        began_s: When it was made, monotonic seconds.
        last: The newest look.
    """

    def __init__(
        self, settings: Settings, feed: Feed, *, give_up: Callable[[str], None] = leave
    ) -> None:
        self.began_s = time.monotonic()
        self.last = Look(
            self.began_s, replace(NEVER, name="database"), replace(NEVER, name="broker")
        )
        self._settings = settings
        self._feed = feed
        self._reader = Reader(settings.clickhouse, connections=2, answer_s=ANSWER_S)
        self._kafka = GroupOffsets(settings.kafka.bootstrap_servers)
        self._lags = Lags()
        self._give_up = give_up
        self._ending = threading.Event()
        self._progress = Progress(STALL_S + settings.health.every_s, give_up=give_up)

    @property
    def late_s(self) -> float | None:
        """How old the newest look is, where it is older than it may be."""
        age_s = time.monotonic() - self.last.at_s
        return age_s if age_s > self._settings.health.every_s + LATE_S else None

    def start(self) -> None:
        """Begin to look."""
        threading.Thread(target=self._run, name="health", daemon=True).start()
        self._progress.watch()

    def stop(self) -> None:
        """Look no more."""
        self._ending.set()
        self._progress.stop()
        self._reader.close()

    def _run(self) -> None:
        try:
            while not self._ending.is_set():
                self.last = self._look()
                self._progress.attempted()
                self._ending.wait(self._settings.health.every_s)
        except Exception as error:
            if not self._ending.is_set():
                LOG.exception("the thread that looks at the health ends")
                self._give_up(f"the thread that looks at the health has ended: {error}")

    def _look(self) -> Look:
        stored: tuple[Stored, ...] | None = None
        lags: tuple[Lag, ...] | None = None
        members: dict[str, int] = {}
        began_s = time.monotonic()
        database, broker = Check("database"), Check("broker")
        try:
            stored = tuple(read_stored(self._reader, self._settings.symbols))
        except CandlewickError as error:
            database = Check("database", State.DOWN, str(error))
        asked_s = time.monotonic()
        try:
            lags, members = self._groups(asked_s)
        except CandlewickError as error:
            broker = Check("broker", State.DOWN, str(error))
        now_s = time.monotonic()
        return Look(
            now_s,
            replace(database, took_ms=_ms(asked_s - began_s)),
            replace(broker, took_ms=_ms(now_s - asked_s)),
            stored,
            lags,
            members,
        )

    def _groups(self, now_s: float) -> tuple[tuple[Lag, ...], dict[str, int]]:
        ours = {(kind.topic.name, p): at for (kind, p), at in self._feed.reading().items()}
        committed, ends, members = read_offsets(self._kafka)
        return tuple(self._lags.look(committed | {API: ours}, ends, now_s)), members


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
