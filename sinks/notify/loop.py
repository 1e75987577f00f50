"""The loop of notifications: read, judge, store, send."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from clients.clock import steady_ms, wall_ms
from clients.kafka.followed_symbols import FollowedSymbols
from clients.kafka.records import Message, place_of
from clients.watching.log import EventLog
from schemas import topics
from schemas.codecs import headers_of, record_in
from schemas.errors import ContractMismatch, PoisonMessage, Transient
from schemas.market import Candle
from schemas.replayed import is_replayed
from schemas.settings import Settings
from sinks.notify.delivery import Delivery
from sinks.notify.dispatch import Dispatch
from sinks.notify.event import Moment, Record, since_when
from sinks.notify.plan import Plan
from sinks.notify.reading import Reading
from sinks.notify.sending import check_address
from sinks.notify.store import Store

LOOK_MS: Final = 1_000
TELL_MS: Final = 5_000
AGAIN_S: Final = 1.0  # between attempts to begin to read
ENDING_S: Final = 5.0  # for messages under way, before the process leaves
MOST_TROUBLE: Final = 1_000  # characters
_log: Final = EventLog(__name__)
_NEVER: Final = -(10**9)


class Notifier:
    """Notifications at work, until they are stopped. Without Kafka they send what waits."""

    def __init__(self, settings: Settings, plan: Plan, store: Store) -> None:
        """Set them up over what the store has; Kafka is not asked yet.

        Raises:
            ConfigurationError: An address is wrong.
        """
        wanted = {topic.name: topic for rule in plan.rules for topic in rule.rule.reads}
        wanted[topics.CANDLES.name] = topics.CANDLES  # the market's own clock
        self._topics = wanted
        for target in plan.targets:
            check_address(target)
        self._store = store
        with store.step():
            names = [target.name for target in plan.targets]
            for name, count in store.forget(names, plan.rule_names):
                _log.warning(
                    "target_gone",
                    "target {target} is gone: {events} waiting events are dropped",
                    target=name,
                    events=count,
                )
            self._dispatch = Dispatch(plan, store, steady_ms())
        self._delivery = Delivery(plan, store)
        self._kafka = settings.kafka
        self._reading: Reading | None = None
        self._symbols = FollowedSymbols(settings, name=topics.NOTIFY_GROUP)
        self._traded: Mapping[str, int] = {}
        self._market_ms = 0
        self._looked_ms = self._told_ms = _NEVER

    def run(self, stopping: Callable[[], bool], attempted: Callable[[], None]) -> None:
        """Work until ``stopping`` returns true.

        Args:
            stopping: Tells whether to stop.
            attempted: Called after each round.

        Raises:
            RestartNeeded: Kafka has shut this client out, or the store cannot be written.
            ConfigurationError: A topic does not exist.
        """
        self._symbols.watch()
        try:
            while not stopping():
                self._round(self._messages(), steady_ms())
                attempted()
            self._delivery.finish(ENDING_S)
        finally:
            self._symbols.stop()
            if self._reading is not None:
                self._reading.close()

    def _messages(self) -> list[Message]:
        if self._reading is not None:
            return list(self._reading.records())
        try:
            self._reading = Reading(self._kafka, list(self._topics.values()), self._store)
        except Transient as error:
            _log.warning(
                "notify_retried", "{error}; again in {pause_s:g} s", error=error, pause_s=AGAIN_S
            )
            time.sleep(AGAIN_S)
            return []
        self._market_ms = self._store.market_ms(self._reading.ids[topics.CANDLES.name])
        _log.info(
            "notify_began", "notifications run: topics {topics}", topics=", ".join(self._topics)
        )
        return []

    def _round(self, messages: Iterable[Message], now_ms: int) -> None:
        reading = self._reading
        is_due = now_ms - self._looked_ms >= LOOK_MS
        if messages or is_due:
            with self._store.step():
                if reading is not None:
                    self._take_all(messages, reading, now_ms)
                if is_due:
                    self._looked_ms = now_ms
                    self._dispatch.look(self._look_moment(now_ms))
        self._delivery.step(now_ms, wall_ms())
        if reading is not None and now_ms - self._told_ms >= TELL_MS:
            self._told_ms = now_ms
            troubles = filter(None, (reading.trouble(), self._delivery.trouble()))
            reading.tell("; ".join(troubles)[:MOST_TROUBLE])

    def _take_all(self, messages: Iterable[Message], reading: Reading, now_ms: int) -> None:
        before_ms = self._market_ms
        for message in messages:
            self._take(message, reading, now_ms)
        if self._market_ms > before_ms:
            self._store.set_market(reading.ids[topics.CANDLES.name], self._market_ms)

    def _take(self, message: Message, reading: Reading, now_ms: int) -> None:
        name, partition, offset = place_of(message)
        topic = self._topics[name]
        if (name, partition) in reading.standing:
            return
        try:
            if (
                topic.record is not None
                and message.value()
                and not is_replayed(headers_of(message))
            ):
                record: Record = record_in(topic.record, message)
                if isinstance(record, Candle) and topic is topics.CANDLES:
                    self._market_ms = max(self._market_ms, record.close_ms)
                self._dispatch.take(topic, record, self._moment_of(message, now_ms))
        except PoisonMessage as error:  # the sinks write its dead letter
            _log.warning(
                "record_passed_over",
                "{topic} [{partition}] {offset} is passed over: {error}",
                topic=name,
                partition=partition,
                offset=offset,
                error=error,
            )
        except ContractMismatch as error:
            _log.error(
                "partition_stopped",
                "{topic} [{partition}] stands still at offset {offset}: {reason}",
                topic=name,
                partition=partition,
                offset=offset,
                reason=error,
            )
            reading.stand_still(name, partition)
            return
        reading.passed(name, partition, offset + 1)

    def _moment_of(self, message: Message, now_ms: int) -> Moment:
        time_ms = wall_ms()
        age_ms = max(0, time_ms - message.timestamp()[1])
        return Moment(now_ms, time_ms, self._market_ms, age_ms=age_ms)

    def _look_moment(self, now_ms: int) -> Moment:
        self._traded = since_when(self._symbols.traded, self._traded, now_ms=now_ms)
        return Moment(
            now_ms,
            wall_ms(),
            self._market_ms,
            is_behind=self._is_behind,
            traded=self._traded,
        )

    def _is_behind(self, topic: str, symbol: str) -> bool:
        if self._reading is None:  # a gap may be repaired unseen, but no candle arrives anywhere
            return topic != topics.CANDLES.name
        return self._reading.is_behind(topic, symbol)
