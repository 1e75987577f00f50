"""The interface of one symbol's market, generated or recorded."""

from typing import Protocol

from candlewick.exchange.market.columns import Candles, Trades
from candlewick.exchange.market.random_by_address import I64


class Source(Protocol):
    """Trades and candles of one symbol; minutes and days are counted from 1970-01-01 UTC."""

    @property
    def tick_e8(self) -> int:
        """A number that divides every price, in units of 1e-8."""

    @property
    def step_e8(self) -> int:
        """Smallest quantity of a fill, in units of 1e-8."""

    @property
    def first_minute(self) -> int:
        """Minute in which trading begins."""

    @property
    def end_minute(self) -> int:
        """Minute at which the market ends."""

    def trades(self, minute: int) -> Trades:
        """Return the trades of one minute."""

    def opening_e8(self, day: int) -> int:
        """Return the price at which a day begins, without making its candles."""

    def candles(self, day: int) -> Candles:
        """Return the 1,440 one-minute candles of one day."""

    def hours(self, day: int) -> Candles:
        """Return the 24 one-hour candles of one day."""

    def whole_day(self, day: int) -> I64:
        """Return the candle of one day: a number for each field of Candles."""

    def holds(self, minute: int) -> bool:
        """Return whether the trades of a minute are in memory."""

    def minute_of(self, agg_id: int) -> int | None:
        """Return the minute of an aggregate trade, or None if no minute has this id."""

    def agg_id_of(self, trade_id: int) -> int | None:
        """Return the aggregate of a trade by the trade's id, or None if no aggregate has it."""

    def halt(self, first_minute: int, end_minute: int) -> None:
        """Remove all trades from these minutes."""


Market = dict[str, Source]
