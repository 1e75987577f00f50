"""Rules about what the champions predict: ``volatility`` and ``chance``."""

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
    """A figure of a champion's prediction is above a level.

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
        """Return the figure of a prediction; None for one that does not count."""
        raise NotImplementedError

    def words(self, prediction: Prediction, figure: float) -> str:
        """Return the message."""
        raise NotImplementedError

    def take(self, record: Record, notes: Notes, moment: Moment) -> Iterator[Event]:
        """Report a figure that has come above the level; older predictions change nothing."""
        del moment
        if not isinstance(record, Prediction):
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
        is_first = prediction.scored and prediction.minutes_to_close > _FIRST_MINUTES
        if not prediction.champion or not is_first:
            return None
        return 100 * (prediction.high_90_e8 - prediction.low_90_e8) / prediction.last_price_e8

    def words(self, prediction: Prediction, figure: float) -> str:
        """Return the message."""
        return (
            f"{prediction.symbol}: the 90 % interval of the next 15 minutes is "
            f"{number_text(figure)} % wide, above {number_text(self.level)} % "
            f"({time_text(prediction.issued_ms)})"
        )


class ChanceRule(PredictionRule):
    """The chance that a candle closes up, or down, is so many per cent or more.

    It is that of the symbol's champion of the chance, at every closed minute with at least
    `minutes_to_close` left: later the price has mostly moved already.
    """

    when: Literal["chance"]
    above_percent: Annotated[float, Field(gt=50, lt=100)]
    direction: Literal["up", "down"] = "up"
    minutes_to_close: Annotated[float, Field(ge=0, le=15)] = 5
    cooldown_minutes: Minutes = 15

    @property
    def level(self) -> float:
        """The chance in per cent."""
        return self.above_percent

    def figure(self, prediction: Prediction) -> float | None:
        """Return the chance in per cent."""
        if not prediction.scored or not prediction.chance_champion:
            return None
        if prediction.chance_up is None or prediction.minutes_to_close < self.minutes_to_close:
            return None
        up = 100 * prediction.chance_up
        return up if self.direction == "up" else 100 - up

    def words(self, prediction: Prediction, figure: float) -> str:
        """Return the message."""
        return (
            f"{prediction.symbol}: the chance that the candle of {time_text(prediction.open_ms)} "
            f"closes {self.direction} is {number_text(figure)} %, above {number_text(self.level)} "
            f"% ({number_text(prediction.minutes_to_close)} minutes before its end)"
        )
