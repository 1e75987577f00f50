"""The loop of notifications: read, judge, store, send."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from clients.clock import steady_ms, wall_ms
from clients.kafka.followed_symbols import FollowedSymbols
from clients.kafka.records import Message, place_of
from clients.watching.log import EventLog
from schemas import topics
from schemas.codecs import record_in
from schemas.errors import ContractMismatch, PoisonMessage
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
ENDING_S: Final = 5.0  # for messages under way, before the process leaves
MOST_TROUBLE: Final = 1_000  # characters
_log: Final = EventLog(__name__)
_NEVER: Final = -(10**9)


class Notifier:
    """Notifications at work, until they are stopped."""

    def __init__(self, settings: Settings, plan: Plan, store: Store) -> None:
        """Begin where the store says.

        Raises:
            Transient: Kafka does not answer.
            ConfigurationError: A topic does not exist, or an address is wrong.
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
        kafka = settings.kafka
        self._reading = Reading(kafka, list(wanted.values()), store)
        self._symbols = FollowedSymbols(settings, name=topics.NOTIFY_GROUP)
        self._traded: Mapping[str, int] = {}
        self._market_ms = store.market_ms(self._reading.ids[topics.CANDLES.name])
        self._looked_ms = self._told_ms = _NEVER

    def run(self, stopping: Callable[[], bool], attempted: Callable[[], None]) -> None:
        """Work until ``stopping`` returns true.

        Args:
            stopping: Tells whether to stop.
            attempted: Called after each round.

        Raises:
            RestartNeeded: Kafka has shut this client out, or the store cannot be written.
        """
        self._symbols.watch()
        _log.info(
            "notify_began", "notifications run: topics {topics}", topics=", ".join(self._topics)
        )
        try:
            while not stopping():
                self._round(list(self._reading.records()), steady_ms())
                attempted()
            self._delivery.finish(ENDING_S)
        finally:
            self._symbols.stop()
            self._reading.close()

    def _round(self, messages: Iterable[Message], now_ms: int) -> None:
        is_due = now_ms - self._looked_ms >= LOOK_MS
        if messages or is_due:
            with self._store.step():
                before_ms = self._market_ms
                for message in messages:
                    self._take(message, now_ms)
                if self._market_ms > before_ms:
                    self._store.set_market(self._reading.ids[topics.CANDLES.name], self._market_ms)
                if is_due:
                    self._looked_ms = now_ms
                    self._dispatch.look(self._look_moment(now_ms))
        self._delivery.step(now_ms, wall_ms())
        if now_ms - self._told_ms >= TELL_MS:
            self._told_ms = now_ms
            self._reading.tell(self._trouble()[:MOST_TROUBLE])

    def _trouble(self) -> str:
        return "; ".join(filter(None, (self._reading.trouble(), self._delivery.trouble())))

    def _take(self, message: Message, now_ms: int) -> None:
        name, partition, offset = place_of(message)
        topic = self._topics[name]
        if (name, partition) in self._reading.standing:
            return
        try:
            if topic.record is not None and message.value() and not is_replayed(message.headers()):
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
            self._reading.stand_still(name, partition)
            return
        self._reading.passed(name, partition, offset + 1)

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
            is_behind=self._reading.is_behind,
            traded=self._traded,
        )
