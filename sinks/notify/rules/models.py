"""Rules ``drift`` and ``promotion``: events of models."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from schemas import topics
from schemas.predictions import ModelEvent, ModelVersion
from schemas.topics import Topic
from sinks.notify.event import Event, Moment, Record
from sinks.notify.rules.rule import Notes, Rule, Severity
from sinks.notify.text import time_text


class ModelRule(Rule):
    """An event in the life of a model."""

    severity: ClassVar[Severity] = "info"
    view: ClassVar[str] = "scores"
    event: ClassVar[ModelEvent]

    @property
    def reads(self) -> tuple[Topic, ...]:
        """The topic of the models' events."""
        return (topics.MODEL_VERSIONS,)

    def take(self, record: Record, notes: Notes, moment: Moment) -> Iterator[Event]:
        """Report the event."""
        del notes, moment
        if isinstance(record, ModelVersion) and record.event == self.event:
            whose = record.symbol or "all symbols"
            text = (
                f"{whose}: {self.event.value} of {record.model} {record.version}, "
                f"{record.reason} ({time_text(record.event_ms)})"
            )
            yield Event(record.key, record.symbol, text, record.event_ms)


class DriftRule(ModelRule):
    """The residuals of a model have changed."""

    event: ClassVar[ModelEvent] = ModelEvent.DRIFT

    when: Literal["drift"]


class PromotionRule(ModelRule):
    """A model has become a symbol's champion, or a challenger has taken over."""

    event: ClassVar[ModelEvent] = ModelEvent.PROMOTED

    when: Literal["promotion"]
