"""What the exchange needs to know about the market of one symbol, wherever it comes from."""

from typing import Protocol

from candlewick.exchange.market.columns import Candles, Trades


class Source(Protocol):
    """Trades and candles of one symbol; minutes and days are counted from 1970-01-01 UTC."""

    @property
    def tick_e8(self) -> int:
        """Return a number that divides every price, in units of 1e-8."""

    @property
    def step_e8(self) -> int:
        """Return the smallest quantity of a fill, in units of 1e-8."""

    @property
    def first_minute(self) -> int:
        """Return the minute in which trading begins."""

    @property
    def end_minute(self) -> int:
        """Return the minute after which nothing is known any more."""

    def trades(self, minute: int) -> Trades:
        """Return the trades of one minute."""

    def opening_e8(self, day: int) -> int:
        """Return the price at which a day begins, without making its candles."""

    def candles(self, day: int) -> Candles:
        """Return the 1,440 one-minute candles of one day."""

    def holds(self, minute: int) -> bool:
        """Tell whether the trades of a minute are at hand without work."""

    def minute_of(self, agg_id: int) -> int | None:
        """Return the minute in which an aggregate trade happens, or None."""

    def halt(self, first_minute: int, end_minute: int) -> None:
        """Let no trade happen in these minutes."""


Market = dict[str, Source]
