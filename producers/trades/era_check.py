"""Questions to REST whether a symbol's ids go on, and the begin of a new era where they do not."""

import asyncio
from typing import Final, NoReturn

from clients.clock import steady_ms
from clients.watching.log import EventLog
from producers.binance.rest import RestClient
from producers.trades.ids.eras import NEWEST, Verdict, is_ours
from producers.trades.rest_answers import Answers
from producers.trades.symbol_stream import SymbolFlow
from schemas.errors import ConfigurationError, Transient
from schemas.market import JITTER_MS, Trade
from schemas.timeframe import HOUR_MS

_log = EventLog(__name__)
SECOND_LOOK_MS: Final = 3_000  # REST may be behind the stream by some seconds


class EraCheck:
    """Compares REST's trades with those that a symbol's flow holds."""

    def __init__(
        self, flow: SymbolFlow, rest: RestClient, answers: Answers, requests: asyncio.Semaphore
    ) -> None:
        """Set up the checks of one symbol.

        Args:
            flow: The flow of the symbol.
            rest: Client of the exchange.
            answers: Its plausible answers.
            requests: Limits the concurrent requests of all symbols.
        """
        self._flow = flow
        self._rest = rest
        self._answers = answers
        self._requests = requests
        self._long_before_ms: int | None = None

    @property
    def is_due(self) -> bool:
        """Whether there is a doubt about which REST should be asked now."""
        return self._flow.eras.is_due(steady_ms())

    def goes_on(self, newest: Trade) -> bool:
        """Check REST's newest trade; one that contradicts those that we hold causes a doubt.

        Raises:
            ConfigurationError: It is long before them, and was at a look some seconds ago: Kafka's
                trades are another exchange's.
            Transient: It is long before them, for the first time.
        """
        continuity = self._flow.continuity
        is_unknown = newest.agg_id >= continuity.next_id or continuity.late.lacks(newest.agg_id)
        if is_unknown or any(is_ours(newest, trade) for trade in continuity.same.newest):
            self._long_before_ms = None
            return True  # nothing that we hold contradicts it
        if newest.event_ms < self._flow.newest_event_ms - HOUR_MS:
            self._refuse(newest)
        self._long_before_ms = None
        is_later = newest.event_ms > continuity.last_ms + JITTER_MS
        if is_later or continuity.same.is_other(newest):
            return not self._is_doubted(newest)
        return True

    async def trades_from(self, agg_id: int) -> list[Trade] | None:
        """Fetch trades from an id on; None if REST's trade before them is not ours.

        Such a trade causes a doubt. Raises as `RestClient` does.
        """
        held = self._flow.continuity.same.newest
        before = held[-1] if held and held[-1].agg_id == agg_id - 1 else None
        async with self._requests:
            trades = await self._answers.trades_from(agg_id - 1 if before else agg_id)
        if before is None or not trades or trades[0].agg_id >= agg_id:
            return trades
        if not is_ours(trades[0], before) and self._is_doubted(trades[0]):
            return None
        return trades[1:]

    async def compare(self) -> bool:
        """Ask REST for the trades that we hold, and return whether a new era has begun.

        Raises:
            Transient: As `RestClient`, or REST has no trade of the new era yet.
        """
        flow, continuity = self._flow, self._flow.continuity
        held = [*continuity.same.newest]
        async with self._requests:
            found = await self._rest.trades_from(flow.symbol, held[0].agg_id) if held else []
            newest = await self._rest.newest_trades(flow.symbol, NEWEST)
        if not flow.eras:  # the stream went on meanwhile
            return False
        verdict = flow.eras.judge(
            held,
            found,
            newest,
            next_id=continuity.next_id,
            known_ms=flow.known_ms,
            now_ms=steady_ms(),
        )
        if verdict is not Verdict.BEGUN_AGAIN:
            return False
        await self._begin()
        return True

    def _refuse(self, newest: Trade) -> NoReturn:
        now_ms = steady_ms()
        if self._long_before_ms is None:
            self._long_before_ms = now_ms
        if now_ms - self._long_before_ms < SECOND_LOOK_MS:
            raise Transient(
                f"{newest.symbol}: REST's newest trade is long before those in Kafka",
                retry_after_s=SECOND_LOOK_MS / 1000,
            )
        raise ConfigurationError(
            f"{newest.symbol}: Kafka has trades up to id {self._flow.continuity.next_id - 1}, but "
            f"the exchange's newest is {newest.agg_id}, long before: this data is from another "
            "exchange. Set CANDLEWICK_BINANCE__REST_URL to that one, or start with an empty Kafka"
        )

    def _is_doubted(self, theirs: Trade) -> bool:
        # REST may keep for ever what was doubted in vain: the doubt would never end.
        if theirs == self._flow.eras.dismissed:
            return False
        self._flow.eras.suspect(theirs)
        return True

    async def _begin(self) -> None:
        flow, known_ms = self._flow, self._flow.known_ms
        async with self._requests:
            # What was known until now belongs to the old era.
            found = await self._answers.first_trades(max(flow.first_ms, known_ms + 1))
        trades = [trade for trade in found if trade.event_ms > known_ms]
        if not trades:
            raise Transient(f"{flow.symbol}: REST has no trade of the new era yet")
        event = flow.begin_era(trades[0])
        _log.warning("era_began", "{symbol}: {reason}", symbol=event.symbol, reason=event.reason)
        flow.continuity.start(event.first_agg_id, now_ms=steady_ms(), silent=True)
        flow.fill(trades)
