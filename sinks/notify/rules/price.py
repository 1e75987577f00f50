"""Rule ``price``: a price crosses a level."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from schemas import topics
from schemas.market import Candle, CandleStatus
from schemas.timeframe import Interval
from schemas.topics import Topic
from sinks.notify.event import Event, Moment, Record
from sinks.notify.rules.levels import ABOVE, BELOW, arms, reaches
from sinks.notify.rules.rule import Minutes, Notes, Rule, Severity, SymbolName
from sinks.notify.text import price_text, time_text

_E8: Final = 10**8
_WORDS: Final = {ABOVE: "rose to", BELOW: "fell to"}


class PriceRule(Rule):
    """The price reaches a level from below (up), from above (down), or either (both).

    After that it is reported again only once it has been `hysteresis_percent` away on the side it
    came from. The price is that of the newest closed 1m candle, or that of the open candle, which
    comes at most once a second.
    """

    severity: ClassVar[Severity] = "info"
    view: ClassVar[str] = "live"

    when: Literal["price"]
    symbols: Annotated[tuple[SymbolName, ...], Field(min_length=1)]
    crosses: Annotated[Decimal, Field(gt=0, lt=10**12, decimal_places=8)]
    direction: Literal["up", "down", "both"] = "both"
    candles: Literal["closed", "live"] = "closed"
    hysteresis_percent: Annotated[float, Field(ge=0, le=50)] = 0.1
    cooldown_minutes: Minutes = 15

    @property
    def reads(self) -> tuple[Topic, ...]:
        """The topic with the candles that count."""
        return (topics.CANDLES_LIVE if self.candles == "live" else topics.CANDLES,)

    def take(self, record: Record, notes: Notes, moment: Moment) -> Iterator[Event]:
        """Report a crossing; older candles, and later revisions of one, change nothing."""
        del moment
        if not isinstance(record, Candle) or not self._counts(record):
            return
        known = notes.get(record.symbol) or {"at_ms": -1, ABOVE: 0, BELOW: 0}
        at_ms = record.event_ms if self.candles == "live" else record.close_ms
        if at_ms <= known["at_ms"]:
            return
        now = known | {"at_ms": at_ms}
        level_e8, price_e8 = int(self.crosses * _E8), record.close_e8
        for way in self._ways:
            if arms(price_e8, level_e8, way, self.hysteresis_percent):
                now[way] = 1
            elif now[way] and reaches(price_e8, level_e8, way):
                now[way] = 0
                yield self._event(record, way, at_ms)
        notes.put(record.symbol, now)

    def _counts(self, candle: Candle) -> bool:
        is_wanted = (candle.status == CandleStatus.OPEN) == (self.candles == "live")
        return is_wanted and candle.interval == Interval.ONE_MINUTE

    @property
    def _ways(self) -> tuple[str, ...]:
        return (ABOVE, BELOW) if self.direction == "both" else (self.direction,)

    def _event(self, candle: Candle, way: str, at_ms: int) -> Event:
        level, price = price_text(int(self.crosses * _E8)), price_text(candle.close_e8)
        kind = "open" if self.candles == "live" else "closed"
        text = (
            f"{candle.symbol} {_WORDS[way]} {price} and crossed {level} "
            f"({kind} 1m candle, {time_text(at_ms)})"
        )
        return Event(f"{candle.symbol}:{way}:{at_ms}", candle.symbol, text, at_ms)
