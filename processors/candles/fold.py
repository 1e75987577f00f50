"""One step of the candle reducer, on its own copy of the state. Pure."""

from dataclasses import replace

from processors.candles.partial import Piece, flat_piece, merge, part_of, pieces_of
from processors.candles.sending import MOST_FLAT, SENT_FLAT, CandleSending
from processors.candles.state import Building
from processors.candles.trade_ids import (
    Clash,
    Joint,
    Missing,
    clash_inside,
    going_back,
    joint_of,
    split_around,
)
from schemas.market import JITTER_MS, NO_TRADE_ID, TradeBlock
from schemas.timeframe import DAY_MS, MINUTE_MS, Interval

_MOST_MISSING = 32
_REPAIRABLE_MS = DAY_MS
_REACH_MS = 10 * JITTER_MS  # so far back a candle may still change, however short it is


class CandleFold(CandleSending):
    """Changes to the candles of one symbol in one step."""

    def take(self, block: TradeBlock) -> None:
        """Fold the block's new trades, then close the candles that its watermark has passed."""
        state = self.state
        joint = joint_of(block, state.next_agg_id, state.next_trade_id) if len(block) else Joint(0)
        is_known = len(block) > 0 and block.next_agg_id <= state.next_agg_id
        clash = joint.clash
        if is_known and joint.start >= len(block) and self._is_newer(block):
            clash = clash or going_back(block, state.next_trade_id)
        if clash is not None:
            self._clash(clash, block)
        if is_known and joint.start >= len(block):
            return
        state.seen_ms = max(state.seen_ms, block.received_ms)
        fresh = part_of(block, joint.start, len(block))
        if block.first_agg_id > state.next_agg_id:
            self._open_gap(block)
        for piece in pieces_of(fresh, step_ms=self.rules.step_ms):
            self._add(piece)
        self._pass(block)
        self._advance(block.watermark_ms)
        self.send_changed(block.received_ms)
        self._forget()

    def repair(self, block: TradeBlock) -> None:
        """Add trades of the block that fill a known gap to their candles.

        Trades newer than any known trade cannot lie inside a gap.
        """
        if len(block) and self._is_newer(block):
            return
        for gap in self.state.missing:
            start = max(block.first_agg_id, gap.first_agg_id)
            end = min(block.next_agg_id, gap.end_agg_id)
            if start < end:
                first = block.first_agg_id
                self._fill_gap(gap, part_of(block, start - first, end - first))
                self._forget()

    def end(self) -> None:
        """Send the open candles as they are, as gapped: no later trade of these ids will come."""
        state = self.state
        for key in sorted(state.unsent):
            self.resend(key)
        due = state.next_agg_id
        state.missing = (*state.missing, Missing(due, due, state.last_ms, state.last_ms))
        for interval, current in list(state.current.items()):
            if not current.revision:
                state.current[interval] = self.sent(interval, current)

    def _pass(self, block: TradeBlock) -> None:
        state = self.state
        is_told = len(block) or block.first_agg_id > state.next_agg_id
        state.next_agg_id = max(state.next_agg_id, block.next_agg_id)
        if is_told and block.first_trade_id != NO_TRADE_ID:
            state.next_trade_id = max(state.next_trade_id, block.next_trade_id)

    def _clash(self, clash: Clash, block: TradeBlock) -> None:
        """Mark the candles around the rows at which trade ids are not those that were due."""
        self.clashes.append(clash)
        row, last_ms = clash.agg_id - block.first_agg_id, self.state.last_ms
        times = block.event_ms[row : row + max(clash.left_out, 1)]
        after_ms, before_ms = min(last_ms, int(times.min())), max(last_ms, int(times.max()))
        due = self.state.next_agg_id
        self._mark(Missing(due, due, after_ms, before_ms))
        if block.next_agg_id > due:  # when it comes again it must not look newer than all
            self.state.last_ms = before_ms

    def _is_newer(self, block: TradeBlock) -> bool:
        return int(block.event_ms[-1]) > self.state.last_ms + JITTER_MS

    def _add(self, piece: Piece) -> None:
        state = self.state
        known_ms = state.last_ms if state.current else None
        state.last_ms = max(state.last_ms, piece.last_ms)
        for interval in self.rules.intervals:
            open_ms = interval.open_of(piece.open_ms)
            current = state.current.get(interval)
            if current is None and (known_ms is not None or interval.ms < MINUTE_MS):
                if known_ms is not None and open_ms <= known_ms:  # trades of it have gone by
                    continue
                state.begins_ms[interval] = open_ms
            if current is None or current.piece.open_ms < open_ms:
                begun = piece if piece.open_ms == open_ms else replace(piece, open_ms=open_ms)
                self._start(interval, begun)
            elif current.piece.open_ms == open_ms:
                state.current[interval] = self._merged(interval, current, piece)
            elif open_ms >= state.begins_ms.get(interval, 0):
                self._add_late(interval, piece)

    def _start(self, interval: Interval, piece: Piece) -> None:
        state, current = self.state, self.state.current.get(interval)
        if current is not None:
            key = interval, current.piece.open_ms
            if not current.revision:
                current = self.ended(interval, current)
            elif key in state.unsent:
                current = self.sent(interval, current)
            state.earlier[key] = current
            self.send_flat(interval, current.piece, piece.open_ms)
        already = state.emitted_until_ms.get(interval, 0) > piece.open_ms
        building = Building(piece, SENT_FLAT if already else 0)
        state.current[interval] = self.sent(interval, building) if already else building

    def _merged(self, interval: Interval, building: Building, piece: Piece) -> Building:
        whole = merge(building.piece, piece, open_ms=building.piece.open_ms)
        return self.changed(interval, Building(whole, building.revision))

    def _add_late(self, interval: Interval, piece: Piece) -> None:
        key = interval, interval.open_of(piece.open_ms)
        held = self.state.earlier.get(key) or self._sent_flat(*key)
        if held is not None:
            self.state.earlier[key] = self._merged(interval, held, piece)
        elif interval.ms == self.rules.step_ms:
            self.state.late_trades += piece.trade_count
            if self._newest_earlier(interval) is not None:
                self._doubt_current()

    def _sent_flat(self, interval: Interval, open_ms: int) -> Building | None:
        """Return the candle without trades that was sent for this time, None if none was."""
        before = self._newest_earlier(interval)
        if before is not None and open_ms < before.open_ms:  # all that are in reach are held
            is_in_reach = open_ms + interval.ms > self.state.last_ms - _REACH_MS
            before = self._newest_earlier(interval, before_ms=open_ms) if is_in_reach else None
        if before is None:
            return None
        return Building(flat_piece(open_ms, before.close_e8), SENT_FLAT)

    def _newest_earlier(self, interval: Interval, *, before_ms: int | None = None) -> Piece | None:
        opens = [open_ms for known, open_ms in self.state.earlier if known == interval]
        if before_ms is not None:
            opens = [open_ms for open_ms in opens if open_ms < before_ms]
        return self.state.earlier[interval, max(opens)].piece if opens else None

    def _doubt_current(self) -> None:
        """Mark the current candle as unproven: trades arrived that no candle contains."""
        state = self.state
        self._mark(Missing(state.next_agg_id, state.next_agg_id, state.last_ms, state.last_ms))

    def _advance(self, watermark_ms: int) -> None:
        ended_ms = watermark_ms - self.rules.lateness_ms
        for interval, current in list(self.state.current.items()):
            end_ms = current.piece.open_ms + interval.ms
            if end_ms > ended_ms and not self.has_marked:
                continue
            if end_ms <= ended_ms and not current.revision:
                self.state.current[interval] = self.ended(interval, current)
            until_ms = interval.open_of(ended_ms)
            if self.has_marked:  # what was sent may be gapped now, also if the watermark went back
                until_ms = max(until_ms, self.state.emitted_until_ms.get(interval, 0))
            if end_ms <= until_ms:
                self.send_flat(interval, current.piece, until_ms)

    def _open_gap(self, fresh: TradeBlock) -> None:
        state = self.state
        before_ms = int(fresh.event_ms[0]) if len(fresh) else fresh.watermark_ms
        gap = Missing(
            state.next_agg_id,
            fresh.first_agg_id,
            min(state.last_ms, before_ms),
            before_ms,
            state.next_trade_id,
            fresh.first_trade_id,
        )
        self._mark(gap)

    def _mark(self, gap: Missing) -> None:
        """Record a gap, and send the current candle again if it is closed and affected."""
        state = self.state
        state.missing = (*state.missing, gap)
        self.has_marked = True
        for interval, current in list(state.current.items()):
            open_ms = current.piece.open_ms
            if current.revision and gap.touches(open_ms, open_ms + interval.ms):
                state.current[interval] = self.changed(interval, current)
            self._mark_before(gap, interval, open_ms)

    def _mark_before(self, gap: Missing, interval: Interval, until_ms: int) -> None:
        """Send candles before the current one again, where times that go back may belong."""
        opens = [open_ms for known, open_ms in self.state.earlier if known == interval]
        # Nothing is known before the oldest of them, and a gap may begin years ago.
        oldest_ms = min(opens, default=until_ms)
        first_ms = max(interval.open_of(gap.after_ms - JITTER_MS), oldest_ms)
        for open_ms in range(first_ms, until_ms, interval.ms):
            key = interval, open_ms
            held = self.state.earlier.get(key) or self._sent_flat(*key)
            if held is not None and held.revision and gap.touches(open_ms, open_ms + interval.ms):
                self.state.earlier[key] = self.changed(interval, held)

    def _fill_gap(self, gap: Missing, part: TradeBlock) -> None:
        state = self.state
        clash = clash_inside(gap, part)
        if clash is not None:
            self.clashes.append(clash)
            if clash.left_out:
                return
        before, after = split_around(gap, part)
        kept = [m for m in (before, after) if m.first_agg_id < m.end_agg_id]
        if clash is not None:  # trades are missing inside that no aggregate holds
            kept.append(replace(gap, end_agg_id=gap.first_agg_id))
        at = state.missing.index(gap)
        state.missing = (*state.missing[:at], *kept, *state.missing[at + 1 :])
        for piece in pieces_of(part, step_ms=self.rules.step_ms):
            for interval in self.rules.intervals:
                self._put(interval, piece)
        # Candles that the gap does not touch are as they were, and may be forgotten.
        from_ms, until_ms = gap.after_ms - JITTER_MS, gap.before_ms + JITTER_MS
        # A gap of hours comes in hundreds of parts: what lies in the rest of it waits for that.
        if before in kept:
            from_ms = max(from_ms, int(part.event_ms.min()) - JITTER_MS)
        if after in kept:
            until_ms = min(until_ms, int(part.event_ms.max()) + JITTER_MS)
        for interval in self.rules.intervals:
            self._send_again(interval, from_ms, until_ms)

    def _put(self, interval: Interval, piece: Piece) -> None:
        open_ms = interval.open_of(piece.open_ms)
        if not self.state.has_begun(interval, open_ms):
            return
        key = interval, open_ms
        base = self.held(key) or Building(flat_piece(open_ms, piece.open_e8), SENT_FLAT)
        whole = merge(base.piece, piece, open_ms=open_ms)
        self.keep(key, Building(whole, base.revision))

    def _send_again(self, interval: Interval, first_ms: int, last_ms: int) -> None:
        """Send every closed candle between two times again, and those without trades."""
        price_e8, flat = None, 0
        for open_ms in range(interval.open_of(first_ms), last_ms + 1, interval.ms):
            building = self.held((interval, open_ms))
            if building is None and price_e8 is not None and flat < MOST_FLAT:
                if open_ms >= self.state.emitted_until_ms.get(interval, 0):
                    break
                again = self.sent_flat(interval, open_ms, price_e8, SENT_FLAT)
                if again is not None:  # the next part may change it, under a higher revision
                    self.state.earlier[interval, open_ms] = again
                flat += 1
            elif building is not None:
                if price_e8 is not None and not building.piece.trade_count:
                    building = replace(building, piece=flat_piece(open_ms, price_e8))
                    self.keep((interval, open_ms), building)
                price_e8 = building.piece.close_e8
                if building.revision:
                    self.resend((interval, open_ms))

    def _forget(self) -> None:
        """Drop old candles and gaps that no longer matter, so that the state stays small."""
        if not self.state.missing and len(self.state.earlier) <= len(self.rules.intervals):
            return
        self._close_old_gaps()
        state = self.state
        newest = dict(sorted(state.earlier))
        open_gaps = [m for m in state.missing if m.first_agg_id < m.end_agg_id]
        for interval, open_ms in list(state.earlier):
            end_ms = open_ms + interval.ms
            wanted = end_ms > state.last_ms - _REACH_MS
            wanted = wanted or any(m.touches(open_ms, end_ms) for m in open_gaps)
            if newest[interval] != open_ms and not wanted:
                if (interval, open_ms) in state.unsent:
                    self.resend((interval, open_ms))
                del state.earlier[interval, open_ms]

    def _close_old_gaps(self) -> None:
        """Give up old and excess gaps; they stay as long as they mark a candle of the state."""
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
