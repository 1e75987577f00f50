"""Gives records to rules, and each event once to the targets of its rule."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from clients.watching.log import EventLog
from schemas.topics import Topic
from sinks.notify.event import Event, Moment, Record
from sinks.notify.mailbox import Waiting
from sinks.notify.plan import NamedRule, Plan
from sinks.notify.rules.rule import MINUTE_MS, Note
from sinks.notify.store import Store

_log: Final = EventLog(__name__)


class StoredNotes:
    """The notes of one rule: read once, and written through."""

    def __init__(self, store: Store, rule: NamedRule) -> None:
        self._store = store
        self._name, self._fingerprint = rule.name, rule.rule.fingerprint
        found = store.notes(self._name, self._fingerprint)
        self._notes: dict[str, Note] = {key: json.loads(text) for key, text in found.items()}

    def get(self, key: str) -> Note | None:
        """Return what was written under a key."""
        return self._notes.get(key)

    def put(self, key: str, note: Note) -> None:
        """Write under a key."""
        if self._notes.get(key) != note:
            self._notes[key] = note
            self._store.write_note(self._name, self._fingerprint, key, json.dumps(note))

    def drop(self, key: str) -> None:
        """Forget a key."""
        if self._notes.pop(key, None) is not None:
            self._store.write_note(self._name, self._fingerprint, key, None)

    def items(self) -> list[tuple[str, Note]]:
        """Return everything that is written."""
        return list(self._notes.items())


@dataclass(frozen=True, slots=True)
class _Active:
    rule: NamedRule
    notes: StoredNotes
    topics: frozenset[str]


class Dispatch:
    """The rules at work; call it, and make it, inside a step of the store.

    Args:
        plan: Rules and targets.
        store: What they remember.
        now_ms: Our clock.
    """

    def __init__(self, plan: Plan, store: Store, now_ms: int) -> None:
        self._plan = plan
        self._store = store
        self._targets = {target.name: target for target in plan.targets}
        self._active = [
            _Active(rule, StoredNotes(store, rule), frozenset(t.name for t in rule.rule.reads))
            for rule in plan.rules
        ]
        for rule in plan.rules:  # one of an earlier process, whose clock was wrong, may be longer
            store.limit_cooldowns(rule.name, now_ms + _cooldown_ms(rule))

    def take(self, topic: Topic, record: Record, moment: Moment) -> None:
        """Give a record to the rules that read its topic.

        Args:
            topic: Topic of the record.
            record: The record.
            moment: The clocks, and the age of the record.
        """
        symbol = getattr(record, "symbol", "")
        for active in self._active:
            if topic.name in active.topics and active.rule.rule.follows(symbol):
                events = active.rule.rule.take(record, active.notes, moment)
                self._raise(active.rule, events, moment)

    def look(self, moment: Moment) -> None:
        """Let rules look at the clock, and report the events that were only counted."""
        for active in self._active:
            events = active.rule.rule.look(active.notes, moment)
            self._raise(active.rule, events, moment)
        self._end_cooldowns(moment)

    def _end_cooldowns(self, moment: Moment) -> None:
        rules = {active.rule.name: active.rule for active in self._active}
        for name, symbol, more, text in self._store.end_cooldowns(moment.now_ms):
            if name in rules:
                whose = f"{symbol}: " if symbol else ""
                line = f"{whose}{more:,} more since the last message, the newest: {text}"
                self._queue(rules[name], line, moment)

    def _raise(self, rule: NamedRule, events: Iterable[Event], moment: Moment) -> None:
        for event in list(events):
            if not self._store.is_new(f"{rule.name}/{event.id}"):
                continue
            _log.info("rule_fired", "{rule}: {event_text}", rule=rule.name, event_text=event.text)
            if rule.rule.cooldown_minutes and self._is_cooling(rule, event, moment):
                continue
            self._queue(rule, event.text, moment, is_old=self._is_old(event, moment))

    def _is_old(self, event: Event, moment: Moment) -> bool:
        if moment.age_ms is None:
            return False
        # A replayed market has a time of its own, so an event's own age is by the market's clock.
        return max(moment.age_ms, moment.market_ms - event.at_ms) > self._plan.old_ms

    def _is_cooling(self, rule: NamedRule, event: Event, moment: Moment) -> bool:
        until_ms = self._store.cooldown(rule.name, event.symbol)
        if until_ms is not None and moment.now_ms < until_ms:
            self._store.count_in_cooldown(rule.name, event.symbol, event.text)
            return True
        self._end_cooldowns(moment)  # a new one would begin to count anew
        until_ms = moment.now_ms + _cooldown_ms(rule)
        self._store.begin_cooldown(rule.name, event.symbol, until_ms)
        return False

    def _queue(self, rule: NamedRule, text: str, moment: Moment, *, is_old: bool = False) -> None:
        waiting = Waiting(
            number=0,
            rule=rule.name,
            severity=rule.rule.severity,
            view=rule.rule.view,
            text=text,
            raised_ms=moment.wall_ms,
            quiet=rule.rule.quiet_hours,
            is_old=is_old,
        )
        for name in rule.targets:
            quiet = self._targets[name].quiet_hours
            is_dropped = rule.rule.quiet_hours == "drop" and quiet is not None
            if is_dropped and quiet is not None and quiet.contains(moment.wall_ms):
                _log.info(
                    "rule_quiet",
                    "{rule}: not sent to {target}, as its rule says of quiet hours",
                    rule=rule.name,
                    target=name,
                )
            else:
                self._store.add(name, waiting)


def _cooldown_ms(rule: NamedRule) -> int:
    return int(rule.rule.cooldown_minutes * MINUTE_MS)
