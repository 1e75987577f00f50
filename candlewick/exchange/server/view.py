"""The market as REST shows it now: its listed symbols, and the newest trades that it has."""

from dataclasses import dataclass

from candlewick.exchange.faults.active import UNLISTED, ActiveFaults
from candlewick.exchange.market.clock import MarketClock
from candlewick.exchange.market.source import Market, Source
from candlewick.exchange.server.history import next_agg_id
from candlewick.exchange.streams.feed import EVENT_DELAY_MS


@dataclass(frozen=True, slots=True)
class View:
    """A market at the time of its clock, with the faults of REST."""

    clock: MarketClock
    market: Market
    arsenal: ActiveFaults

    def now_ms(self) -> int:
        """Return the market's time."""
        return self.clock.now_ms()

    def statuses(self) -> dict[str, str]:
        """Return the listed symbols, each with its trading status."""
        now_ms = self.now_ms()
        found = {name: self.arsenal.status(name, now_ms) for name in self.market}
        return {name: status for name, status in found.items() if status != UNLISTED}

    def visible_ms(self) -> int:
        """Return the time of the newest trade that REST may show."""
        return self.now_ms() - EVENT_DELAY_MS - self.arsenal.lag(self.now_ms())[0]

    def head(self, source: Source) -> int:
        """Return the id of the first aggregate trade that REST does not show yet."""
        lag_ids = self.arsenal.lag(self.now_ms())[1]
        return max(next_agg_id(source, self.visible_ms() + 1) - lag_ids, 0)
