"""The candle reducer's state for one symbol, and its form in the state table."""

from dataclasses import astuple, dataclass, field
from functools import cache
from typing import Any

from processors.candles.partial import Piece
from processors.candles.trade_ids import Missing
from schemas.market import NO_TRADE_ID
from schemas.quick_records import quick
from schemas.timeframe import Interval

CandleKey = tuple[Interval, int]  # interval and open_ms
_FIELDS_OF_VERSION_1 = 7
_FIELDS_OF_VERSION_2 = 11
_FIELDS_OF_VERSION_3 = 12
_FIELDS_OF_VERSION_4 = 13
MADE = (Interval.ONE_MINUTE, Interval.FIFTEEN_MINUTES)  # 1s too, where the setting says so


@dataclass(frozen=True, slots=True)
class CandleRules:
    """Rules for building candles.

    Attributes:
        intervals: Lengths of the candles, each a multiple of the shortest.
        lateness_ms: How long after its end, in event time, a candle closes without a newer trade.
        sends_proof: Whether to send a candle that contains only the first known trade.
    """

    intervals: tuple[Interval, ...] = MADE
    lateness_ms: int = 2000
    sends_proof: bool = True

    @property
    def step_ms(self) -> int:
        """Length of the shortest interval, in milliseconds."""
        return _shortest_ms(self.intervals)


@cache
def _shortest_ms(intervals: tuple[Interval, ...]) -> int:
    return min(interval.ms for interval in intervals)


@quick
@dataclass(frozen=True, slots=True)
class Building:
    """A candle under construction; ``revision`` is 0 until it is first closed."""

    piece: Piece
    revision: int = 0


@dataclass(frozen=True, slots=True)
class GivenUp:
    """Candles sent by a state that was given up; new revisions must be higher.

    Attributes:
        until_ms: End of the newest candle sent.
        revision: Highest revision sent.
    """

    until_ms: int = 0
    revision: int = 0


@dataclass(slots=True)
class CandleState:
    """State of one symbol after some block.

    Attributes:
        next_agg_id: The aggregate id expected next.
        last_ms: Event time of the newest trade.
        current: The newest candle with trades, per interval.
        emitted_until_ms: End of the newest candle that was sent, per interval.
        earlier: Older candles that may still change.
        missing: Gaps that may still be repaired, oldest first.
        late_trades: Number of trades for candles no longer in the state; no candle contains them.
        seen_ms: When the newest block was received, by its producer's clock.
        unsent: Closed candles that have changed since they were sent.
        resent_ms: When the last block that caused such candles to be sent was received.
        given_up: Candles sent before the state started over.
        next_trade_id: The trade that must come next, by its own id; -1 while unknown.
        era: Era of all these ids: how many times the symbol's ids had begun again.
        begins_ms: Opening time of the first candle of an interval that is shorter than a minute, or
            that is made since later than the others; trades before it are in none of its candles.
    """

    next_agg_id: int
    last_ms: int
    current: dict[Interval, Building] = field(default_factory=dict)
    emitted_until_ms: dict[Interval, int] = field(default_factory=dict)
    earlier: dict[CandleKey, Building] = field(default_factory=dict)
    missing: tuple[Missing, ...] = ()
    late_trades: int = 0
    seen_ms: int = 0
    unsent: frozenset[CandleKey] = frozenset()
    resent_ms: int = 0
    given_up: GivenUp = GivenUp()
    next_trade_id: int = NO_TRADE_ID
    era: int = 0
    begins_ms: dict[Interval, int] = field(default_factory=dict)

    @property
    def head_ms(self) -> int:
        """The newest event time known to the state."""
        return max(self.last_ms, *self.emitted_until_ms.values(), 0)

    def copy(self) -> "CandleState":
        """Return a copy that may be changed; its elements are frozen."""
        return CandleState(
            self.next_agg_id,
            self.last_ms,
            dict(self.current),
            dict(self.emitted_until_ms),
            dict(self.earlier),
            self.missing,
            self.late_trades,
            self.seen_ms,
            self.unsent,
            self.resent_ms,
            self.given_up,
            self.next_trade_id,
            self.era,
            dict(self.begins_ms),
        )

    def keep_only(self, intervals: tuple[Interval, ...]) -> None:
        """Drop the candles of other intervals, which are not made any more.

        How far they were sent is kept: where they are made again, revisions have to be higher.
        """
        for interval in [known for known in self.current if known not in intervals]:
            del self.current[interval]
            self.begins_ms.pop(interval, None)
            self.earlier = {key: b for key, b in self.earlier.items() if key[0] != interval}
            self.unsent = frozenset(key for key in self.unsent if key[0] != interval)

    def has_begun(self, interval: Interval, open_ms: int) -> bool:
        """Return whether all trades of a candle were known while its interval was made."""
        if self.current and interval not in self.current:
            return False
        return open_ms >= self.begins_ms.get(interval, 0)


def dump_state(state: CandleState) -> list[Any]:
    """Return the state as lists of numbers and strings; integers of any size survive JSON."""
    return [
        state.next_agg_id,
        state.last_ms,
        [[interval, *_dump_building(b)] for interval, b in state.current.items()],
        list(state.emitted_until_ms.items()),
        [[interval, *_dump_building(b)] for (interval, _), b in state.earlier.items()],
        [astuple(m) for m in state.missing],
        state.late_trades,
        state.seen_ms,
        sorted(state.unsent),
        state.resent_ms,
        astuple(state.given_up),
        state.next_trade_id,
        state.era,
        list(state.begins_ms.items()),
    ]


def load_state(fields: list[Any]) -> CandleState:
    """Return the state that `dump_state` wrote, in this version or an earlier one.

    Raises:
        ValueError: The fields are not those of a state.
    """
    newer = fields[_FIELDS_OF_VERSION_1:_FIELDS_OF_VERSION_2]
    ids = fields[_FIELDS_OF_VERSION_2:_FIELDS_OF_VERSION_3]
    era = fields[_FIELDS_OF_VERSION_3:_FIELDS_OF_VERSION_4]
    begins = fields[_FIELDS_OF_VERSION_4:]
    next_agg_id, last_ms, current, emitted, earlier, missing, late_trades = fields[
        :_FIELDS_OF_VERSION_1
    ]
    olds = [(Interval(name), _load_building(rest)) for name, *rest in earlier]
    state = CandleState(
        next_agg_id,
        last_ms,
        {Interval(name): _load_building(rest) for name, *rest in current},
        {Interval(name): ms for name, ms in emitted},
        {(interval, b.piece.open_ms): b for interval, b in olds},
        tuple(Missing(*m) for m in missing),
        late_trades,
    )
    if newer:
        state.seen_ms, unsent, state.resent_ms, given_up = newer
        state.unsent = frozenset((Interval(name), open_ms) for name, open_ms in unsent)
        state.given_up = GivenUp(*given_up)
    (state.next_trade_id,) = ids or (_behind_newest(state),)
    (state.era,) = era or (0,)
    (begun,) = begins or ((),)
    state.begins_ms = {Interval(name): ms for name, ms in begun}
    return state


def _behind_newest(state: CandleState) -> int:
    """Return the trade that must come next, from the candles: older states did not hold it."""
    held = [*state.current.values(), *state.earlier.values()]
    return max((b.piece.last_trade_id + 1 for b in held if b.piece.trade_count), default=-1)


def _dump_building(building: Building) -> list[Any]:
    p = building.piece
    wide = (p.volume_e8, p.quote_e16, p.taker_buy_e8, p.taker_buy_quote_e16, p.variation_e16)
    return [
        building.revision,
        p.open_ms,
        p.open_e8,
        p.high_e8,
        p.low_e8,
        p.close_e8,
        p.trade_count,
        p.first_trade_id,
        p.last_trade_id,
        p.last_ms,
        " ".join(map(str, wide)),
    ]


def _load_building(fields: list[Any]) -> Building:
    revision, open_ms, open_e8, high, low, close, count, first, last, last_ms, wide = fields
    volume, quote, buy, buy_quote, variation = wide.split(" ")
    piece = Piece(
        open_ms=open_ms,
        open_e8=open_e8,
        high_e8=high,
        low_e8=low,
        close_e8=close,
        volume_e8=int(volume),
        quote_e16=int(quote),
        trade_count=count,
        taker_buy_e8=int(buy),
        taker_buy_quote_e16=int(buy_quote),
        first_trade_id=first,
        last_trade_id=last,
        variation_e16=None if variation == "None" else int(variation),
        last_ms=last_ms,
    )
    return Building(piece, revision)
