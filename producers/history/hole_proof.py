"""Proof from trade ids of why the exchange has no candle."""

from clients.retry import persistently
from producers.binance.rest import RestClient
from schemas.history import Hole, HoleKind
from schemas.market import Trade

NONE = -1


async def prove(
    rest: RestClient, symbol: str, interval: str, run: tuple[int, int], *, now_ms: int
) -> Hole:
    """Classify the hole ``[start, end)`` by the trades on both sides of it.

    Raises:
        Transient: The exchange does not answer.
    """
    start_ms, end_ms = run
    after = await persistently(lambda: rest.first_trade_since(symbol, end_ms))
    before = None
    if after is not None and after.agg_id > 0:
        earlier = await persistently(lambda: rest.trades_from(symbol, after.agg_id - 1))
        before = next((t for t in earlier if t.agg_id == after.agg_id - 1), None)
    kind, reason = judged(run, before, after)
    return Hole(
        symbol=symbol,
        interval=interval,
        open_ms=start_ms,
        close_ms=end_ms,
        kind=kind.value,
        agg_id_before=NONE if before is None else before.agg_id,
        agg_id_after=NONE if after is None else after.agg_id,
        before_ms=NONE if before is None else before.event_ms,
        after_ms=NONE if after is None else after.event_ms,
        checked_ms=now_ms,
        reason=reason,
    )


def judged(run: tuple[int, int], before: Trade | None, after: Trade | None) -> tuple[HoleKind, str]:
    """Classify a hole by the trades before and after its end; returns kind and reason. Pure."""
    if after is None:
        return HoleKind.UNPROVEN, "no trade after it is known"
    if after.agg_id == 0:
        return HoleKind.UNLISTED, "the symbol's first trade came later"
    if before is None:
        return HoleKind.UNPROVEN, f"the exchange does not show trade {after.agg_id - 1}"
    if before.event_ms >= run[0]:
        return HoleKind.UNPROVEN, f"trade {before.agg_id} happened inside it"
    ids = f"trade ids {before.agg_id} and {after.agg_id} are consecutive"
    return HoleKind.OFFICIAL, f"nothing was traded: {ids}"
