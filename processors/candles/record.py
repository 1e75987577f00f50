"""Builds the Kafka record of a candle from its state. Pure."""

from processors.candles.state import Building
from schemas.market import Candle, CandleSource, CandleStatus
from schemas.timeframe import Interval

_E8 = 10**8


def candle_of(symbol: str, interval: Interval, building: Building, status: CandleStatus) -> Candle:
    """Return the record of a candle as it stands now."""
    p = building.piece
    return Candle(
        symbol=symbol,
        interval=interval.value,
        open_ms=p.open_ms,
        close_ms=p.open_ms + interval.ms,
        open_e8=p.open_e8,
        high_e8=p.high_e8,
        low_e8=p.low_e8,
        close_e8=p.close_e8,
        volume_e8=p.volume_e8,
        quote_volume_e8=_to_e8(p.quote_e16),
        trade_count=p.trade_count,
        taker_buy_volume_e8=p.taker_buy_e8,
        taker_buy_quote_volume_e8=_to_e8(p.taker_buy_quote_e16),
        first_trade_id=p.first_trade_id,
        last_trade_id=p.last_trade_id,
        price_variation_e16=p.variation_e16,
        status=status.value,
        revision=building.revision,
        source=CandleSource.TRADES.value,
        event_ms=p.last_ms or p.open_ms + interval.ms,
    )


def _to_e8(value_e16: int) -> int:
    return (value_e16 + _E8 // 2) // _E8
