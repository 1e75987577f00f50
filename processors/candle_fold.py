"""One step of the candle reducer at work on its own copy of the state. Pure."""

from dataclasses import replace

from processors.candle_record import candle_of
from processors.candle_state import Building, CandleRules, CandleState, Missing
from processors.pieces import Piece, flat_piece, merge, part_of, pieces_of
from schemas.market import Candle, CandleStatus, TradeBlock
from schemas.timeframe import DAY_MS, Interval

_MOST_FLAT = 2880  # candles without trades are sent for two days of minutes, then left out
_MOST_MISSING = 32
_REPAIRABLE_MS = DAY_MS
_SENT_FLAT = 2  # revision of a candle without trades that was sent, perhaps twice


class CandleFold:
    """What happens to the candles of one symbol in one step.

    Attributes:
        state: The state, changed in place.
        closed: The candles to send, in order.
    """

    def __init__(self, symbol: str, state: CandleState, rules: CandleRules) -> None:
        self.symbol = symbol
        self.state = state
        self.rules = rules
        self.closed: list[Candle] = []

    def take(self, block: TradeBlock) -> None:
        """Fold what is new in the block, then let the watermark close what has ended."""
        known = max(0, self.state.next_agg_id - block.first_agg_id)
        if len(block) and known >= len(block):
            return
        fresh = part_of(block, min(known, len(block)), len(block))
        if fresh.first_agg_id > self.state.next_agg_id:
            self._open_gap(fresh)
        for piece in pieces_of(fresh, step_ms=self.rules.step_ms):
            self._add(piece)
        self.state.next_agg_id = max(self.state.next_agg_id, fresh.next_agg_id)
        self._advance(block.watermark_ms)
        self._forget()

    def repair(self, block: TradeBlock) -> None:
        """Put those trades of the block that a known gap lacks into their candles."""
        for gap in self.state.missing:
            start = max(block.first_agg_id, gap.first_agg_id)
            end = min(block.next_agg_id, gap.end_agg_id)
            if start < end:
                first = block.first_agg_id
                self._fill_gap(gap, part_of(block, start - first, end - first))

    def _add(self, piece: Piece) -> None:
        self.state.last_ms = max(self.state.last_ms, piece.last_ms)
        for interval in self.rules.intervals:
            open_ms = interval.open_of(piece.open_ms)
            current = self.state.current.get(interval)
            if current is None or current.piece.open_ms < open_ms:
                begun = piece if piece.open_ms == open_ms else replace(piece, open_ms=open_ms)
                self._start(interval, begun)
            elif current.piece.open_ms == open_ms:
                self.state.current[interval] = self._merged(interval, current, piece)
            else:
                self._add_late(interval, piece)

    def _start(self, interval: Interval, piece: Piece) -> None:
        state, current = self.state, self.state.current.get(interval)
        if current is not None:
            if not current.revision:
                current = self._sent(interval, current)
            state.earlier[interval, current.piece.open_ms] = current
            self._send_flat(interval, current.piece, piece.open_ms)
        already = state.emitted_until_ms.get(interval, 0) > piece.open_ms
        building = Building(piece, _SENT_FLAT if already else 0)
        state.current[interval] = self._sent(interval, building) if already else building

    def _merged(self, interval: Interval, building: Building, piece: Piece) -> Building:
        whole = merge(building.piece, piece, open_ms=building.piece.open_ms)
        merged = Building(whole, building.revision)
        return self._sent(interval, merged) if building.revision else merged

    def _add_late(self, interval: Interval, piece: Piece) -> None:
        key = interval, interval.open_of(piece.open_ms)
        held = self.state.earlier.get(key)
        if held is not None:
            self.state.earlier[key] = self._merged(interval, held, piece)
        elif interval.ms == self.rules.step_ms:
            self.state.late_trades += piece.trade_count

    def _advance(self, watermark_ms: int) -> None:
        ended_ms = watermark_ms - self.rules.lateness_ms
        for interval, current in list(self.state.current.items()):
            if current.piece.open_ms + interval.ms > ended_ms:
                continue
            if not current.revision:
                self.state.current[interval] = self._sent(interval, current)
            self._send_flat(interval, current.piece, interval.open_of(ended_ms))

    def _send_flat(self, interval: Interval, last: Piece, until_ms: int) -> None:
        """Send the candles without trades between the candle of ``last`` and ``until_ms``."""
        sent_ms = self.state.emitted_until_ms.get(interval, 0)
        opens = range(last.open_ms + interval.ms, until_ms, interval.ms)[:_MOST_FLAT]
        for open_ms in opens:
            if open_ms >= sent_ms:
                self._sent(interval, Building(flat_piece(open_ms, last.close_e8)))
            elif self._is_gapped(open_ms, open_ms + interval.ms):
                flat = Building(flat_piece(open_ms, last.close_e8), _SENT_FLAT - 1)
                self._sent(interval, flat)
        self.state.emitted_until_ms[interval] = max(sent_ms, until_ms)

    def _open_gap(self, fresh: TradeBlock) -> None:
        state = self.state
        before_ms = int(fresh.event_ms[0]) if len(fresh) else fresh.watermark_ms
        gap = Missing(
            state.next_agg_id, fresh.first_agg_id, min(state.last_ms, before_ms), before_ms
        )
        state.missing = (*state.missing, gap)
        for interval, current in list(state.current.items()):
            open_ms = current.piece.open_ms
            if current.revision and gap.touches(open_ms, open_ms + interval.ms):
                state.current[interval] = self._sent(interval, current)

    def _fill_gap(self, gap: Missing, part: TradeBlock) -> None:
        state = self.state
        rest = (
            replace(gap, end_agg_id=part.first_agg_id, before_ms=int(part.event_ms[0])),
            replace(gap, first_agg_id=part.next_agg_id, after_ms=int(part.event_ms[-1])),
        )
        kept = [m for m in rest if m.first_agg_id < m.end_agg_id]
        at = state.missing.index(gap)
        state.missing = (*state.missing[:at], *kept, *state.missing[at + 1 :])
        for piece in pieces_of(part, step_ms=self.rules.step_ms):
            for interval in self.rules.intervals:
                self._put(interval, piece)
        for interval in self.rules.intervals:
            self._send_again(interval, gap)

    def _put(self, interval: Interval, piece: Piece) -> None:
        open_ms = interval.open_of(piece.open_ms)
        current = self.state.current.get(interval)
        if current is not None and current.piece.open_ms == open_ms:
            whole = merge(current.piece, piece, open_ms=open_ms)
            self.state.current[interval] = Building(whole, current.revision)
            return
        held = self.state.earlier.get((interval, open_ms))
        base = held or Building(flat_piece(open_ms, piece.open_e8), _SENT_FLAT)
        whole = merge(base.piece, piece, open_ms=open_ms)
        self.state.earlier[interval, open_ms] = Building(whole, base.revision)

    def _send_again(self, interval: Interval, gap: Missing) -> None:
        """Send every closed candle that the repaired ``gap`` touched."""
        price_e8 = None
        first_ms, last_ms = interval.open_of(gap.after_ms), interval.open_of(gap.before_ms)
        for open_ms in range(first_ms, last_ms + 1, interval.ms)[:_MOST_FLAT]:
            building = self._held(interval, open_ms)
            if building is None and price_e8 is not None:
                flat = Building(flat_piece(open_ms, price_e8), _SENT_FLAT)
                self._sent(interval, flat)
            elif building is not None:
                price_e8 = building.piece.close_e8
                self._resend(interval, building)

    def _held(self, interval: Interval, open_ms: int) -> Building | None:
        current = self.state.current.get(interval)
        if current is not None and current.piece.open_ms == open_ms:
            return current
        return self.state.earlier.get((interval, open_ms))

    def _resend(self, interval: Interval, building: Building) -> None:
        if not building.revision:
            return
        sent = self._sent(interval, building)
        if self.state.current[interval] is building:
            self.state.current[interval] = sent
        else:
            self.state.earlier[interval, building.piece.open_ms] = sent

    def _sent(self, interval: Interval, building: Building) -> Building:
        """Add the candle to what is sent, and return it with its new revision."""
        sent = replace(building, revision=building.revision + 1)
        open_ms = building.piece.open_ms
        close_ms = open_ms + interval.ms
        status = CandleStatus.COMPLETE if building.piece.trade_count else CandleStatus.QUIET
        if self._is_gapped(open_ms, close_ms):
            status = CandleStatus.GAPPED
        self.closed.append(candle_of(self.symbol, interval, sent, status))
        emitted = self.state.emitted_until_ms
        emitted[interval] = max(emitted.get(interval, 0), close_ms)
        return sent

    def _is_gapped(self, open_ms: int, close_ms: int) -> bool:
        return any(gap.touches(open_ms, close_ms) for gap in self.state.missing)

    def _forget(self) -> None:
        """Drop what can no longer matter, so that the state stays small."""
        if not self.state.missing and len(self.state.earlier) <= len(self.rules.intervals):
            return
        self._close_old_gaps()
        state = self.state
        newest = dict(sorted(state.earlier))
        open_gaps = [m for m in state.missing if m.first_agg_id < m.end_agg_id]
        for interval, open_ms in list(state.earlier):
            wanted = any(m.touches(open_ms, open_ms + interval.ms) for m in open_gaps)
            if newest[interval] != open_ms and not wanted:
                del state.earlier[interval, open_ms]

    def _close_old_gaps(self) -> None:
        """Give up gaps that are old or too many; they stay while they mark a held candle."""
        state = self.state
        held = [(i, b.piece.open_ms) for i, b in state.current.items()] + list(state.earlier)
        kept = []
        for age, gap in enumerate(reversed(state.missing)):
            old = age >= _MOST_MISSING or gap.before_ms < state.last_ms - _REPAIRABLE_MS
            closed = replace(gap, end_agg_id=gap.first_agg_id) if old else gap
            marks = any(closed.touches(ms, ms + interval.ms) for interval, ms in held)
            if marks or closed.first_agg_id < closed.end_agg_id:
                kept.append(closed)
        state.missing = tuple(reversed(kept))
