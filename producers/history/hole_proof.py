"""Proof from trade ids of why the exchange has no candle."""

from datetime import UTC, datetime

from clients.retry import persistently
from producers.binance.rest import RestClient
from schemas.history import Hole, HoleKind
from schemas.market import Trade
from schemas.timeframe import DAY_MS

NONE = -1
ENDED_MS = DAY_MS  # without a trade for so long, a symbol is halted or delisted


async def prove(
    rest: RestClient, symbol: str, interval: str, run: tuple[int, int], *, now_ms: int
) -> Hole:
    """Classify the hole ``[start, end)`` by the trades on both sides of it.

    Raises:
        Transient: The exchange does not answer.
    """
    _, end_ms = run
    after = await persistently(lambda: rest.first_trade_since(symbol, end_ms))
    before = None
    if after is not None and after.agg_id > 0:
        earlier = await persistently(lambda: rest.trades_from(symbol, after.agg_id - 1))
        before = next((t for t in earlier if t.agg_id == after.agg_id - 1), None)
    if after is None:
        before = await persistently(lambda: rest.newest_trade(symbol))
    found = judged(run, before, after, now_ms=now_ms)
    return _hole((symbol, interval), run, found, (before, after), now_ms)


def irregular_hole(
    symbol: str, interval: str, run: tuple[int, int], *, reason: str, now_ms: int
) -> Hole:
    """Return the hole ``[start, end)`` in whose place irregular rows are."""
    found = (HoleKind.IRREGULAR, reason)
    return _hole((symbol, interval), run, found, (None, None), now_ms)


def judged(
    run: tuple[int, int], before: Trade | None, after: Trade | None, *, now_ms: int
) -> tuple[HoleKind, str]:
    """Classify a hole by the trades before and after its end; returns kind and reason. Pure.

    Without a trade after it, ``before`` is the newest trade that the exchange has.
    """
    if after is None and before is not None and before.event_ms < min(run[0], now_ms - ENDED_MS):
        day = datetime.fromtimestamp(before.event_ms // 1000, UTC)
        since = f"not trading since {day:%Y-%m-%d %H:%M}"
        return HoleKind.ENDED, f"{since}: {before.agg_id} is the last trade id"
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


def _hole(
    series: tuple[str, str],
    run: tuple[int, int],
    found: tuple[HoleKind, str],
    beside: tuple[Trade | None, Trade | None],
    now_ms: int,
) -> Hole:
    before, after = beside
    return Hole(
        symbol=series[0],
        interval=series[1],
        open_ms=run[0],
        close_ms=run[1],
        kind=found[0].value,
        agg_id_before=NONE if before is None else before.agg_id,
        agg_id_after=NONE if after is None else after.agg_id,
        before_ms=NONE if before is None else before.event_ms,
        after_ms=NONE if after is None else after.event_ms,
        checked_ms=now_ms,
        reason=found[1],
    )
