"""Rules about what the champion predicts: ``volatility``."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from schemas import topics
from schemas.predictions import Prediction
from schemas.topics import Topic
from sinks.notify.event import Event, Moment, Record
from sinks.notify.rules.levels import ABOVE, arms, reaches
from sinks.notify.rules.rule import Minutes, Notes, Percent, Rule, Severity
from sinks.notify.text import number_text, time_text

_FIRST_MINUTES: Final = 14.0  # a candle's first answer is given with 15 minutes left


class PredictionRule(Rule):
    """A figure of the champion's prediction is above a level.

    After that it is reported again only once it has been `hysteresis_percent` of the level below.
    A subclass says which predictions count, what the figure is, and how to word it.
    """

    severity: ClassVar[Severity] = "info"
    view: ClassVar[str] = "live"

    hysteresis_percent: Annotated[float, Field(ge=0, le=50)] = 5
    cooldown_minutes: Minutes = 60

    @property
    def reads(self) -> tuple[Topic, ...]:
        """The topic of the predictions."""
        return (topics.PREDICTIONS,)

    @property
    def level(self) -> float:
        """The level, in the unit of the figure."""
        raise NotImplementedError

    def figure(self, prediction: Prediction) -> float | None:
        """Return the figure of a champion's prediction; None for one that does not count."""
        raise NotImplementedError

    def words(self, prediction: Prediction, figure: float) -> str:
        """Return the message."""
        raise NotImplementedError

    def take(self, record: Record, notes: Notes, moment: Moment) -> Iterator[Event]:
        """Report a figure that has come above the level; older predictions change nothing."""
        del moment
        if not isinstance(record, Prediction) or not record.champion:
            return
        figure = self.figure(record)
        known = notes.get(record.symbol) or {"at_ms": -1, "armed": 1}
        if figure is None or record.issued_ms <= known["at_ms"]:
            return
        now = known | {"at_ms": record.issued_ms}
        if arms(figure, self.level, ABOVE, self.hysteresis_percent):
            now["armed"] = 1
        elif known["armed"] and reaches(figure, self.level, ABOVE):
            now["armed"] = 0
            text = self.words(record, figure)
            event_id = f"{record.symbol}:{record.issued_ms}"
            yield Event(event_id, record.symbol, text, record.issued_ms)
        notes.put(record.symbol, now)


class VolatilityRule(PredictionRule):
    """The 90 % interval of a candle's first prediction is wider than so many per cent.

    The width is that of the champion, as published, in per cent of the last price. Only the first
    answer of each candle counts, with 15 minutes left: the width shrinks as the candle goes on.
    """

    when: Literal["volatility"]
    above_percent: Percent

    @property
    def level(self) -> float:
        """The width in per cent."""
        return self.above_percent

    def figure(self, prediction: Prediction) -> float | None:
        """Return the width in per cent of the last price."""
        if not prediction.scored or prediction.minutes_to_close <= _FIRST_MINUTES:
            return None
        return 100 * (prediction.high_90_e8 - prediction.low_90_e8) / prediction.last_price_e8

    def words(self, prediction: Prediction, figure: float) -> str:
        """Return the message."""
        return (
            f"{prediction.symbol}: the 90 % interval of the next 15 minutes is "
            f"{number_text(figure)} % wide, above {number_text(self.level)} % "
            f"({time_text(prediction.issued_ms)})"
        )
