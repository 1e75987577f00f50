"""Requests to REST for one symbol's trades; only plausible ones are returned."""

from collections.abc import Callable

from clients.clock import steady_ms
from producers.binance.rest import RestClient
from producers.trades.exchange_clock import REST, ExchangeClock
from producers.trades.ids.id_jumps import NEAR
from producers.trades.rest_checks import Doubts
from schemas.errors import PoisonMessage
from schemas.market import Trade


class Answers:
    """Plausible answers of REST for one symbol; every method raises as `RestClient` does."""

    def __init__(
        self,
        symbol: str,
        rest: RestClient,
        clock: ExchangeClock,
        bury: Callable[[PoisonMessage], None],
    ) -> None:
        """Set up the requests.

        Args:
            symbol: For example ``BTCUSDT``.
            rest: Client of the exchange.
            clock: The exchange's clock.
            bury: Called with each trade that is not plausible.
        """
        self._symbol = symbol
        self._rest = rest
        self._clock = clock
        self._doubts = Doubts(clock, bury)

    @property
    def is_closed(self) -> bool:
        """Whether REST is closed for requests of trades."""
        return "aggTrades" in self._rest.closed

    def refuse(self, trade: Trade) -> None:
        """Bury a trade of the stream that REST does not have."""
        self._doubts.refuse(trade)

    async def trades_from(self, agg_id: int) -> list[Trade]:
        """Fetch up to 1000 trades from an id on; none while REST lags behind that id."""
        page = await self._rest.trades_from(self._symbol, agg_id)
        return self._doubts.believed(page, agg_id - 1, steady_ms())

    async def first_trades(self, boundary_ms: int) -> list[Trade]:
        """Fetch trades from just before a time on; only the newest if there is none since."""
        first = await self._rest.first_trade_since(self._symbol, boundary_ms)
        if first is None:
            newest = await self._rest.newest_trade(self._symbol)
            return [newest] if newest else []
        # The trade before the boundary lets ids prove that the candle is complete from its start.
        before_id = max(0, first.agg_id - 1)
        return await self.trades_from(before_id) or await self.trades_from(first.agg_id)

    async def newest_trade(self, known_id: int) -> tuple[Trade | None, bool]:
        """Fetch the newest trade; the second value is False if it is not plausible.

        Args:
            known_id: Id of the newest known trade; -1 if none is known.
        """
        newest = await self._rest.newest_trade(self._symbol)
        if newest is None or not self._is_doubtful(newest, known_id):
            return newest, True
        # A true newest trade follows another one.
        page = await self._rest.trades_from(self._symbol, max(0, newest.agg_id - 1))
        believed = self._doubts.believed(page, known_id, steady_ms())
        return (believed[-1], True) if believed else (None, False)

    def _is_doubtful(self, newest: Trade, known_id: int) -> bool:
        return newest.agg_id > known_id + NEAR or self._clock.is_ahead(newest.event_ms, steady_ms())


async def hear_time(rest: RestClient, clock: ExchangeClock) -> None:
    """Set the clock from REST's time; raises as `RestClient` does."""
    clock.hear(REST, await rest.server_ms(), steady_ms())
