"""Sends closed candles: counts revisions, adds candles without trades, limits the rate. Pure."""

from dataclasses import replace
from typing import TYPE_CHECKING

from processors.candles.partial import Piece, flat_piece
from processors.candles.record import candle_of
from processors.candles.state import Building, CandleKey, CandleRules, CandleState
from schemas.market import Candle, CandleStatus
from schemas.timeframe import MINUTE_MS, Interval

if TYPE_CHECKING:
    from processors.candles.trade_ids import Clash

SENT_FLAT = 2  # revision of a candle without trades that was sent once or twice
MOST_FLAT = 2880  # at most so many candles without trades are sent in a row: two days of minutes
MOST_FLAT_SECONDS = 900  # the same of seconds, and also of one block: the outbox must stay small
_PROMPT = SENT_FLAT + 2  # so many revisions are sent at once, enough for one or two late trades
_RESEND_MS = 1_000  # later ones wait: a watermark that runs ahead closes each candle too early


def most_flat(interval: Interval) -> int:
    """Return how many candles of an interval without trades are sent in a row."""
    return MOST_FLAT if interval.ms >= MINUTE_MS else MOST_FLAT_SECONDS


class CandleSending:
    """Candles sent in one step, and the state that records them.

    Attributes:
        state: The state, changed in place.
        closed: The candles to send, in order.
        clashes: Where trade ids were not those that were due.
        has_marked: Whether a gap was opened; candles without trades that were sent may lie in it.
    """

    def __init__(self, symbol: str, state: CandleState, rules: CandleRules) -> None:
        self.symbol = symbol
        self.state = state
        self.rules = rules
        self.closed: list[Candle] = []
        self.clashes: list[Clash] = []
        self.has_marked = False
        self._flat_seconds = 0

    def ended(self, interval: Interval, building: Building) -> Building:
        """Send a candle for the first time, unless it only proves ids, and return it."""
        if not self.rules.sends_proof and self._is_proof(interval, building.piece):
            return building
        return self.sent(interval, building)

    def sent(self, interval: Interval, building: Building) -> Building:
        """Add the candle to ``closed``, and return it with its new revision."""
        open_ms = building.piece.open_ms
        before = building.revision or self._first_revision(open_ms)
        sent = replace(building, revision=before + 1)
        close_ms = open_ms + interval.ms
        status = CandleStatus.COMPLETE if building.piece.trade_count else CandleStatus.QUIET
        if self.is_gapped(open_ms, close_ms) or not building.piece.is_whole:
            status = CandleStatus.GAPPED
        self.closed.append(candle_of(self.symbol, interval, sent, status))
        emitted = self.state.emitted_until_ms
        emitted[interval] = max(emitted.get(interval, 0), close_ms)
        self.state.unsent -= {(interval, open_ms)}
        return sent

    def send_flat(self, interval: Interval, last: Piece, until_ms: int) -> None:
        """Send the candles without trades between the candle of ``last`` and ``until_ms``."""
        sent_ms = self.state.emitted_until_ms.get(interval, 0)
        opens = range(last.open_ms + interval.ms, until_ms, interval.ms)[: most_flat(interval)]
        if not self.has_marked:  # those that were sent are as they were
            opens = opens[max(0, (sent_ms - opens.start) // interval.ms) :]
        for open_ms in opens:
            is_new = open_ms >= sent_ms
            if is_new or self.is_gapped(open_ms, open_ms + interval.ms):
                self.sent_flat(interval, open_ms, last.close_e8, 0 if is_new else SENT_FLAT - 1)
        self.state.emitted_until_ms[interval] = max(sent_ms, until_ms)

    def sent_flat(
        self, interval: Interval, open_ms: int, price_e8: int, revision: int
    ) -> Building | None:
        """Send a candle without trades; None if so many of seconds were sent in this step."""
        if interval.ms < MINUTE_MS:
            self._flat_seconds += 1
            if self._flat_seconds > MOST_FLAT_SECONDS:
                return None
        return self.sent(interval, Building(flat_piece(open_ms, price_e8), revision))

    def changed(self, interval: Interval, building: Building) -> Building:
        """Record that a candle has changed; a closed one is sent again, at once or soon."""
        if not building.revision:
            return building
        open_ms = building.piece.open_ms
        if building.revision - self._first_revision(open_ms) < _PROMPT:
            return self.sent(interval, building)
        self.state.unsent |= {(interval, open_ms)}
        return building

    def send_changed(self, now_ms: int) -> None:
        """Send changed candles again, at most once a second.

        Args:
            now_ms: When the block was received, by the producer's clock, which may go back.
        """
        if self.state.unsent and abs(now_ms - self.state.resent_ms) >= _RESEND_MS:
            self.state.resent_ms = now_ms
            for key in sorted(self.state.unsent):
                self.resend(key)

    def resend(self, key: CandleKey) -> None:
        """Send a candle of the state again, as it is now."""
        building = self.held(key)
        if building is not None:
            self.keep(key, self.sent(key[0], building))
        self.state.unsent -= {key}

    def held(self, key: CandleKey) -> Building | None:
        """Return the state's candle for this key, None if it can no longer change."""
        interval, open_ms = key
        current = self.state.current.get(interval)
        if current is not None and current.piece.open_ms == open_ms:
            return current
        return self.state.earlier.get(key)

    def keep(self, key: CandleKey, building: Building) -> None:
        """Store a candle under its key, as the current one or among the earlier ones."""
        interval, open_ms = key
        current = self.state.current.get(interval)
        if current is not None and current.piece.open_ms == open_ms:
            self.state.current[interval] = building
        else:
            self.state.earlier[key] = building

    def is_gapped(self, open_ms: int, close_ms: int) -> bool:
        """Return whether trades of a candle may be missing."""
        return any(gap.touches(open_ms, close_ms) for gap in self.state.missing)

    def _is_proof(self, interval: Interval, piece: Piece) -> bool:
        """Return whether a candle contains only the first known trade of the symbol.

        The producer starts one trade before the first candle it wants, so that ids prove where that
        candle begins. This one trade says nothing about its own candle.
        """
        edge = next(iter(self.state.missing), None)  # the oldest; it stays while it marks a candle
        if edge is None or edge.first_agg_id != edge.end_agg_id:
            return False
        is_first = all(known != interval for known, _ in self.state.earlier)
        is_moment = edge.after_ms == edge.before_ms == piece.last_ms
        return is_first and is_moment and not self._first_revision(piece.open_ms)

    def _first_revision(self, open_ms: int) -> int:
        given_up = self.state.given_up
        return given_up.revision if open_ms < given_up.until_ms else 0
