"""Keeps the list of followed symbols: asks the exchange, hears what people choose, tells others."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from clients.clock import steady_ms, wall_ms
from clients.kafka.followed_symbols import FollowedSymbols
from clients.watching.log import EventLog
from clients.watching.metrics import RETRIES
from producers.binance.rest import RestClient
from producers.trades.choices import Told, changed
from producers.trades.connections import back_off_s
from producers.trades.outlet import Outlet
from schemas.errors import Transient
from schemas.settings import Settings
from schemas.symbol_patterns import is_pattern, top_of
from schemas.symbols import TRADING, UNLISTED, SymbolBook, SymbolChoice
from schemas.timeframe import DAY_MS, MINUTE_MS

_log = EventLog(__name__)
LOOK_S: Final = 0.5
LISTING_TIMES: Final = 5  # so many times as rarely all symbols are asked for, if patterns want it
ALL_TIMES: Final = 60  # and all that is followed
VOLUMES_MS: Final = DAY_MS
NEW_MS: Final = 3 * DAY_MS
PATIENCE_MS: Final = MINUTE_MS  # then symbols that nothing is known of are taken to be traded


class Roster:
    """The followed symbols, and how the exchange trades each.

    Attributes:
        book: What is followed and traded, as far as is known.
    """

    def __init__(
        self,
        settings: Settings,
        rest: RestClient,
        outlet: Outlet,
        followed: FollowedSymbols,
        newest_ms: Callable[[str], int],
    ) -> None:
        """Set up; nothing is asked yet.

        Args:
            settings: What shall be followed.
            rest: Client of the exchange.
            outlet: Receives the records.
            followed: What the topic says, read once already.
            newest_ms: Returns the event time of a symbol's newest trade; -1 if not known.
        """
        self.book: SymbolBook = followed.book
        self._parts = settings.symbols
        self._status_ms = int(settings.stream.status_s * 1000)
        self._rest = rest
        self._outlet = outlet
        self._followed = followed
        self._newest_ms = newest_ms
        self._told = Told()
        self._unsent: list[SymbolChoice] = []
        self._started_ms = steady_ms()
        self._asked_ms: dict[str, int] = {}  # by kind of question
        self._named_unknown: set[str] = set()
        self._first_seen_ms: dict[str, int] = {}
        self._heard: dict[str, int] = {}
        self._ended_ms: dict[str, int] = {}
        self._basis: object = None
        self._decide()

    @property
    def names(self) -> tuple[str, ...]:
        """The symbols to follow; not those that the exchange does not know."""
        return tuple(s for s in self.book.names if self._status(s) != UNLISTED)

    def is_traded(self, symbol: str) -> bool | None:
        """Tell whether a symbol is traded; None while that is not known."""
        status = self._told.status_of(symbol)
        if status is not None:
            return status == TRADING
        # The last list of an earlier run is believed at once only where it says no.
        is_late = steady_ms() - self._started_ms > PATIENCE_MS
        return is_late or None if self.book.is_traded(symbol) else False

    async def run(self) -> None:
        """Keep the list until cancelled."""
        failures = 0
        while True:
            try:
                await self._ask()
                failures = 0
            except Transient as error:
                failures += 1
                RETRIES.labels("roster").inc()
                _log.warning(
                    "roster_retried",
                    "{error}; check CANDLEWICK_BINANCE__REST_URL if this continues",
                    error=error,
                )
                await self._pause(max(back_off_s(failures), error.retry_after_s))
            self._decide()
            await asyncio.sleep(LOOK_S)

    async def _pause(self, seconds: float) -> None:
        """Wait, while what people choose is followed."""
        until_ms = steady_ms() + int(seconds * 1000)
        while steady_ms() < until_ms:
            self._decide()
            await asyncio.sleep(LOOK_S)

    def _status(self, symbol: str) -> str | None:
        told = self.book.by_setting.get(symbol)
        return None if told is None else told.status

    def _is_due(self, kind: str, every_ms: int) -> bool:
        return kind not in self._asked_ms or steady_ms() - self._asked_ms[kind] >= every_ms

    async def _ask(self) -> None:
        if any(map(is_pattern, self._parts)):
            if any(map(top_of, self._parts)) and self._is_due("volumes", VOLUMES_MS):
                volumes = await self._rest.quote_volumes()
                self._told = replace(self._told, volumes=volumes)
                self._asked_ms["volumes"] = steady_ms()
            if self._is_due("listing", LISTING_TIMES * self._status_ms):
                await self._ask_all()
        elif self._is_due("all", ALL_TIMES * self._status_ms):
            await self._ask_about(self.book.names)
            self._asked_ms["all"] = steady_ms()
        unknown = [s for s in self.book.names if self._told.status_of(s) is None]
        if unknown:
            await self._ask_about(unknown)
        if self._is_due("status", self._status_ms):
            doubtful = [s for s in self.names if self._is_doubtful(s)]
            self._asked_ms["status"] = steady_ms()
            if doubtful:
                await self._ask_about(doubtful)
        await self._ask_when_ended()

    async def _ask_all(self) -> None:
        infos = await self._rest.all_symbols()
        now_ms = steady_ms()
        is_first = not self._first_seen_ms
        for symbol in infos:
            self._first_seen_ms.setdefault(symbol, -NEW_MS if is_first else now_ms)
        new = {s for s, at_ms in self._first_seen_ms.items() if now_ms - at_ms < NEW_MS}
        if found := sorted(new - self._told.new):
            _log.info("symbols_listed", "new at the exchange: {symbols}", symbols=", ".join(found))
        self._told = replace(
            self._told, infos=infos, asked=frozenset(), is_all=True, new=frozenset(new)
        )
        self._asked_ms["listing"] = now_ms

    async def _ask_about(self, symbols: Iterable[str]) -> None:
        names = list(symbols)
        infos = await self._rest.symbols(names)
        asked = frozenset(names)
        known = {s: one for s, one in self._told.infos.items() if s not in asked}
        self._told = replace(self._told, infos=known | infos, asked=self._told.asked | asked)

    def _is_doubtful(self, symbol: str) -> bool:
        """Tell whether the exchange may trade a symbol no more, or again."""
        newest_ms = self._newest_ms(symbol)
        if self.is_traded(symbol) is False:
            return True
        before_ms = self._heard.get(symbol)
        self._heard[symbol] = newest_ms
        return before_ms == newest_ms  # no trade since the last look

    async def _ask_when_ended(self) -> None:
        """Ask for the newest trade of symbols that are not traded, once each."""
        for symbol in self.names:
            if self.is_traded(symbol) is False and symbol not in self._ended_ms:
                newest_ms = self._newest_ms(symbol)
                if newest_ms < 0:
                    trade = await self._rest.newest_trade(symbol)
                    newest_ms = wall_ms() if trade is None else trade.event_ms
                self._ended_ms[symbol] = newest_ms

    def _decide(self) -> None:
        """Compare what is wanted with what the book says, and tell what has changed."""
        heard = self._followed.book
        basis = (heard, self._told, frozenset(self._ended_ms))
        if basis != self._basis:
            self._basis = basis
            self._compare(heard)
        while self._unsent and self._outlet.send(self._unsent[0]):
            del self._unsent[0]

    def _compare(self, heard: SymbolBook) -> None:
        book = SymbolBook(self.book.named, heard.by_hand, self.book.by_setting)
        for symbol in [s for s in self._ended_ms if book.is_traded(s)]:
            del self._ended_ms[symbol]
        found = changed(self._parts, self._told, book, self._ended_ms, now_ms=wall_ms())
        self.book = book.with_choices(found)
        self._unsent += found
        for choice in found:
            self._tell(choice)

    def _tell(self, choice: SymbolChoice) -> None:
        if choice.status == UNLISTED and choice.symbol in self.book.names:
            if choice.symbol not in self._named_unknown:
                _log.error(
                    "symbol_unknown",
                    "the exchange does not know {symbol}: correct CANDLEWICK_SYMBOLS",
                    symbol=choice.symbol,
                )
            self._named_unknown.add(choice.symbol)
        elif not choice.is_traded:
            _log.warning(
                "symbol_not_traded",
                "{symbol} is not traded: {reason}",
                symbol=choice.symbol,
                reason=choice.reason,
            )
        else:
            _log.info(
                "symbol_followed", "{symbol}: {reason}", symbol=choice.symbol, reason=choice.reason
            )
