"""Up to when nothing was traded, if nothing was: a halted market is not quiet. Pure."""

from schemas.timeframe import Interval

LONGEST = Interval.FIFTEEN_MINUTES


def quiet_until_ms(
    *, is_traded: bool | None, stream_ms: int, last_ms: int, lateness_ms: int
) -> int:
    """Return the event time up to which a symbol's silence means that nothing was traded.

    The candle in which a market was halted is still ended.

    Args:
        is_traded: Whether the exchange trades the symbol; None while that is not known.
        stream_ms: Event time that the stream has passed.
        last_ms: Event time up to which trades or quiet are known.
        lateness_ms: How long after its end a candle closes without a trade.
    """
    if is_traded is None:
        return -1
    if is_traded:
        return stream_ms
    end_ms = LONGEST.open_of(max(last_ms, 0)) + LONGEST.ms
    return min(stream_ms, end_ms + lateness_ms)
