"""Records about the market: trades, blocks of trades, candles and gaps.

Prices and quantities are integers in units of 1e-8 (suffix ``_e8``), times UTC epoch milliseconds.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from schemas.quick_records import quick

if TYPE_CHECKING:
    from numpy.typing import NDArray

NO_TRADE_ID = -1  # first and last trade id of a candle in which nothing was traded
FIRST_REVISION = 1  # a later one replaces a stored row, which is kept aside
JITTER_MS = 1_000  # the exchange orders trades by id; their times may go back this far


@dataclass(frozen=True, slots=True)
class Trade:
    """One aggregate trade: the fills of one taker order at one price.

    A void record of the exchange (price, quantity and fills zero) keeps its ``agg_id`` so that
    ids stay consecutive; it is not part of any candle.
    """

    symbol: str
    agg_id: int
    price_e8: int
    quantity_e8: int
    first_trade_id: int
    last_trade_id: int
    event_ms: int
    taker_sold: bool

    @property
    def fills(self) -> int:
        """Number of trades in the aggregate; zero for a void record."""
        return (
            0
            if self.first_trade_id == NO_TRADE_ID
            else self.last_trade_id - self.first_trade_id + 1
        )


@dataclass(frozen=True, slots=True, eq=False)
class TradeBlock:
    """A gap-free run of one symbol's aggregate trades, as columns of equal length n (n may be 0).

    Attributes:
        symbol: For example ``BTCUSDT``.
        first_agg_id: Id of the first aggregate; the others follow one by one. With n = 0, the id
            of the next aggregate.
        first_trade_id: Id of the first fill; the fills of the block are consecutive.
        received_ms: When our socket read the newest trade, by our estimate of the exchange's
            clock: a wrong clock of this machine does not matter.
        watermark_ms: The exchange's event time that this symbol's stream had passed when the block
            was cut: no older trade of this symbol is expected any more.
        event_ms: int64[n], trade times.
        price_e8: int64[n].
        quantity_e8: int64[n].
        fills: int32[n], trades per aggregate; 0 marks a void record.
        taker_sold: uint8[n], 1 where the buyer was the maker.
        era: How many times the symbol's ids had begun again; ids are compared inside one era only.
    """

    symbol: str
    first_agg_id: int
    first_trade_id: int
    received_ms: int
    watermark_ms: int
    event_ms: "NDArray[np.int64]"
    price_e8: "NDArray[np.int64]"
    quantity_e8: "NDArray[np.int64]"
    fills: "NDArray[np.int32]"
    taker_sold: "NDArray[np.uint8]"
    era: int = 0

    def __len__(self) -> int:
        return len(self.event_ms)

    @property
    def next_agg_id(self) -> int:
        """Id of the aggregate that must come next."""
        return self.first_agg_id + len(self)

    @property
    def next_trade_id(self) -> int:
        """Id of the fill that must come next."""
        return self.first_trade_id + int(self.fills.sum())


class CandleStatus(StrEnum):
    """How complete a candle is proven to be."""

    OPEN = "open"  # still moving
    COMPLETE = "complete"  # ids prove that nothing is missing
    QUIET = "quiet"  # no trade happened
    GAPPED = "gapped"  # ids are missing
    OFFICIAL = "official"  # the exchange's own kline


class CandleSource(StrEnum):
    """The source of a candle."""

    TRADES = "trades"
    STREAM = "stream"
    REST = "rest"
    ARCHIVE_DAILY = "archive-daily"
    ARCHIVE_MONTHLY = "archive-monthly"


TRUST = (  # which source of the exchange's candle is believed first; in the store, `klines.rank`
    CandleSource.REST,
    CandleSource.ARCHIVE_DAILY,
    CandleSource.STREAM,
    CandleSource.ARCHIVE_MONTHLY,
)


@quick
@dataclass(frozen=True, slots=True)
class Candle:
    """One candle, ``[open_ms, close_ms)``.

    Volumes are in 1e-8 of the base or quote asset and may pass 64 bits. The quote volumes are the
    exact sums of price times quantity, rounded half up to 1e-8 where tick times step is finer.

    Attributes:
        first_trade_id: -1 when nothing was traded, like ``last_trade_id``.
        price_variation_e16: Sum of squared differences of consecutive trade prices inside the
            candle, in 1e-16 quote squared; None for the exchange's klines and for candles whose
            trades did not come in one run.
        revision: 0 while open, 1 when first closed, higher after each later change.
        event_ms: Newest event time known when the candle was made.
    """

    symbol: str
    interval: str
    open_ms: int
    close_ms: int
    open_e8: int
    high_e8: int
    low_e8: int
    close_e8: int
    volume_e8: int
    quote_volume_e8: int
    trade_count: int
    taker_buy_volume_e8: int
    taker_buy_quote_volume_e8: int
    first_trade_id: int
    last_trade_id: int
    price_variation_e16: int | None
    status: str
    revision: int
    source: str
    event_ms: int

    @property
    def values(self) -> tuple[int, ...]:
        """Return what every source says of a candle; only the stream knows trade ids."""
        prices = (self.open_e8, self.high_e8, self.low_e8, self.close_e8)
        taken = (self.taker_buy_volume_e8, self.taker_buy_quote_volume_e8)
        return (*prices, self.volume_e8, self.quote_volume_e8, self.trade_count, *taken)


class GapState(StrEnum):
    """The state of a gap."""

    FOUND = "found"
    REPAIRED = "repaired"
    GIVEN_UP = "given-up"
    NEW_ERA = "new-era"  # no gap: ids begin again here


@dataclass(frozen=True, slots=True)
class Gap:
    """A run of missing aggregate trades ``[first_agg_id, last_agg_id]`` of one symbol.

    Or the place at which its ids begin again; both ids are then the first one of the new era.

    Attributes:
        after_ms: Event time of the last trade before the gap; -1 when unknown.
        before_ms: Event time of the first trade after it; -1 when unknown.
        state: found, repaired, given-up or new-era.
        noticed_ms: When the gap was found, our clock.
        changed_ms: When the gap entered this state, our clock.
        reason: Why it entered this state, for people.
        era: The era of the ids.
    """

    symbol: str
    first_agg_id: int
    last_agg_id: int
    after_ms: int
    before_ms: int
    state: str
    noticed_ms: int
    changed_ms: int
    reason: str
    era: int = 0


def block_of(
    trades: list[Trade], *, received_ms: int, watermark_ms: int, era: int = 0
) -> TradeBlock:
    """Pack consecutive trades of one symbol into a block.

    Raises:
        ValueError: More than one symbol, or ids that are not consecutive.
    """
    first, ids = trades[0], range(trades[0].agg_id, trades[0].agg_id + len(trades))
    if any(t.agg_id != i or t.symbol != first.symbol for t, i in zip(trades, ids, strict=True)):
        raise ValueError(f"trades of {first.symbol} from id {first.agg_id} are not consecutive")
    starts = (t.first_trade_id for t in trades if t.fills)
    return TradeBlock(
        symbol=first.symbol,
        first_agg_id=first.agg_id,
        first_trade_id=next(starts, NO_TRADE_ID),
        received_ms=received_ms,
        watermark_ms=watermark_ms,
        event_ms=np.array([t.event_ms for t in trades], np.int64),
        price_e8=np.array([t.price_e8 for t in trades], np.int64),
        quantity_e8=np.array([t.quantity_e8 for t in trades], np.int64),
        fills=np.array([t.fills for t in trades], np.int32),
        taker_sold=np.array([t.taker_sold for t in trades], np.uint8),
        era=era,
    )


def empty_block(
    symbol: str,
    *,
    next_agg_id: int,
    next_trade_id: int,
    received_ms: int,
    watermark_ms: int,
    era: int = 0,
) -> TradeBlock:
    """Return a block without trades: proof that there were none up to ``watermark_ms``."""
    none = np.empty(0, np.int64)
    return TradeBlock(
        symbol=symbol,
        first_agg_id=next_agg_id,
        first_trade_id=next_trade_id,
        received_ms=received_ms,
        watermark_ms=watermark_ms,
        event_ms=none,
        price_e8=none,
        quantity_e8=none,
        fills=np.empty(0, np.int32),
        taker_sold=np.empty(0, np.uint8),
        era=era,
    )
