"""Rule ``stale``: a symbol has no candle, or no trade, for some minutes."""

from collections.abc import Iterable, Iterator
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from schemas import topics
from schemas.market import Candle
from schemas.timeframe import Interval
from schemas.topics import Topic
from sinks.notify.event import Event, Moment, Record
from sinks.notify.rules.rule import MINUTE_MS, Note, Notes, Rule
from sinks.notify.text import duration_text, time_text

SETTLED_MS: Final = 90_000  # a symbol that goes on has a candle every minute


class StaleRule(Rule):
    """A traded symbol without a closed 1m candle, or without a trade, for so many minutes.

    Two clocks judge: the market's own (other symbols have moved on by so much, and nothing has
    arrived for 90 seconds), and ours (nothing has arrived for so long, since this process has seen
    that the symbol is traded). Each standstill is one event.
    """

    view: ClassVar[str] = "live"

    when: Literal["stale"]
    minutes: Annotated[float, Field(ge=2, le=10_080)] = 5
    counts: Literal["candles", "trades"] = "candles"

    @property
    def reads(self) -> tuple[Topic, ...]:
        """The topics that tell of it."""
        return (topics.CANDLES,)

    def take(self, record: Record, notes: Notes, moment: Moment) -> Iterable[Event]:
        """Note the newest candle of the symbol."""
        if not isinstance(record, Candle) or record.interval != Interval.ONE_MINUTE:
            return ()
        if self.counts == "trades" and not record.trade_count:
            return ()
        known = notes.get(record.symbol)
        if known is None or record.close_ms > known["close_ms"]:
            notes.put(
                record.symbol,
                {"close_ms": record.close_ms, "arrived_ms": moment.now_ms, "told": 0},
            )
        return ()

    def look(self, notes: Notes, moment: Moment) -> Iterator[Event]:
        """Report the symbols that stand still."""
        for symbol in self.chosen(moment.traded):
            since_ms = moment.traded[symbol]
            known = notes.get(symbol) or {"close_ms": 0, "arrived_ms": 0, "told": 0}
            still_ms = 0 if known["told"] else self._standing_ms(known, since_ms, moment)
            if still_ms and not self.is_behind(symbol, moment):
                notes.put(symbol, known | {"told": 1})
                yield self._event(symbol, known, still_ms, moment)

    def _standing_ms(self, known: Note, since_ms: int, moment: Moment) -> int:
        """Return for how long the symbol has stood still, by either clock; 0 if it does not."""
        behind_ms = moment.market_ms - known["close_ms"] if known["close_ms"] else 0
        arrived_ms = known["arrived_ms"]
        if arrived_ms > moment.now_ms:  # noted by an earlier process, whose clock was wrong
            arrived_ms = 0
        silent_ms = moment.now_ms - max(arrived_ms, since_ms)
        if silent_ms < SETTLED_MS:  # it may be catching up, and others may be ahead of it
            behind_ms = 0
        longest_ms = max(behind_ms, silent_ms)
        return longest_ms if longest_ms >= self.minutes * MINUTE_MS else 0

    def _event(self, symbol: str, known: Note, still_ms: int, moment: Moment) -> Event:
        newest_ms = known["close_ms"]
        last = f" (the last one ended {time_text(newest_ms)})" if newest_ms else " yet"
        text = f"{symbol}: no {self._what} for {duration_text(still_ms)}{last}"
        return Event(f"{symbol}:{newest_ms}", symbol, text, newest_ms or moment.now_ms)

    @property
    def _what(self) -> str:
        return "candle" if self.counts == "candles" else "candle with a trade"
