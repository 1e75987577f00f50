"""Checks all servers every few seconds in one thread, so that asking for the health is cheap.

It has clients of its own, each with a time limit, so that slow requests do not delay it.
"""

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
from clients.watching.log import EventLog
from schemas import topics
from schemas.errors import CandlewickError
from schemas.settings import Settings

_log = EventLog(__name__)
ANSWER_S: Final = 5.0
STALL_S: Final = 90.0  # more than all calls of one look may take
LATE_S: Final = 45.0  # a look may be this late
NEVER: Final = Check("", State.STARTING, "not looked at yet")


@dataclass(frozen=True, slots=True)
class Look:
    """Observations of one look at the servers.

    Attributes:
        at_s: When it ended, in monotonic seconds.
        stored: Ages of the newest rows; None if ClickHouse does not answer.
        lags: Lags of the groups; None if Kafka does not answer.
        members: Number of processes in each group.
        notify_trouble: Targets of notifications that fail, as their process says.
        traded_since_s: When each traded symbol was first seen so, in monotonic seconds; a symbol
            that was not traded in between begins anew.
    """

    at_s: float
    database: Check
    broker: Check
    stored: tuple[Stored, ...] | None = None
    lags: tuple[Lag, ...] | None = None
    members: dict[str, int] = field(default_factory=dict)
    notify_trouble: str = ""
    traded_since_s: dict[str, float] = field(default_factory=dict)


class Watch:
    """The thread that looks at the servers, and its newest look.

    Attributes:
        began_s: When this object was made, in monotonic seconds.
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
        self._kafka = GroupOffsets(settings.kafka)
        self._lags = Lags()
        self._give_up = give_up
        self._ending = threading.Event()
        self._progress = Progress(STALL_S + settings.health.every_s, give_up=give_up, part="health")

    @property
    def late_s(self) -> float | None:
        """Age of the newest look in seconds if it is too old, otherwise None."""
        age_s = time.monotonic() - self.last.at_s
        return age_s if age_s > self._settings.health.every_s + LATE_S else None

    def start(self) -> None:
        """Start the thread."""
        threading.Thread(target=self._run, name="health", daemon=True).start()
        self._progress.watch()

    def stop(self) -> None:
        """Stop the thread and close its clients."""
        self._ending.set()
        self._progress.stop()
        self._reader.close()

    def _run(self) -> None:
        try:
            while not self._ending.is_set():
                self.last = self._look()
                self._progress.attempted()
                self._ending.wait(self._settings.health.every_s)
        except Exception as error:  # noqa: BLE001 - its trace is logged
            if not self._ending.is_set():
                _log.exception("health_ended", "the thread that checks the health ends", error)
                self._give_up(f"the thread that checks the health has ended: {error}")

    def _look(self) -> Look:
        stored: tuple[Stored, ...] | None = None
        lags: tuple[Lag, ...] | None = None
        members: dict[str, int] = {}
        trouble = ""
        began_s = time.monotonic()
        traded, since_s = self._feed.followed.traded, self.last.traded_since_s
        database, broker = Check("database"), Check("broker")
        try:
            stored = tuple(read_stored(self._reader, traded))
        except CandlewickError as error:
            database = Check("database", State.DOWN, str(error))
        asked_s = time.monotonic()
        try:
            lags, members = self._groups(asked_s)
            trouble = self._notify_trouble()
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
            trouble,
            {symbol: since_s.get(symbol, began_s) for symbol in traded},
        )

    def _groups(self, now_s: float) -> tuple[tuple[Lag, ...], dict[str, int]]:
        ours = {(kind.topic.name, p): at for (kind, p), at in self._feed.reading().items()}
        committed, ends, members = read_offsets(self._kafka)
        return tuple(self._lags.look(committed | {API: ours}, ends, now_s)), members

    def _notify_trouble(self) -> str:
        if self._settings.notify.rules is None:
            return ""
        return "; ".join(self._kafka.notes(topics.NOTIFY_GROUP))


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
