"""Values for tests, each valid by itself; a test names only what it is about."""

from collections.abc import Iterable, Sequence

from schemas.market import Candle, Trade, TradeBlock, block_of

MINUTE_MS = 60_000
START_MS = 1_700_000_100_000  # a quarter of an hour begins here


def a_trade(
    agg_id: int = 1,
    *,
    event_ms: int = START_MS,
    price_e8: int = 100 * 10**8,
    quantity_e8: int = 10**8,
    first_trade_id: int | None = None,
    fills: int = 1,
    taker_sold: bool = False,
    symbol: str = "BTCUSDT",
) -> Trade:
    first = agg_id if first_trade_id is None else first_trade_id
    return Trade(
        symbol=symbol,
        agg_id=agg_id,
        price_e8=price_e8,
        quantity_e8=quantity_e8,
        first_trade_id=first,
        last_trade_id=first + fills - 1,
        event_ms=event_ms,
        taker_sold=taker_sold,
    )


def a_block(trades: Sequence[Trade], *, watermark_ms: int | None = None) -> TradeBlock:
    newest = max(trade.event_ms for trade in trades)
    return block_of(
        list(trades),
        received_ms=newest + 3,
        watermark_ms=newest if watermark_ms is None else watermark_ms,
    )


def trades_at(*times_ms: int, first_agg_id: int = 1) -> list[Trade]:
    """Trades with ids one by one at the given event times, prices rising by one."""
    return [
        a_trade(first_agg_id + i, event_ms=ms, price_e8=(100 + i) * 10**8)
        for i, ms in enumerate(times_ms)
    ]


def a_candle(
    *, open_ms: int = START_MS, interval: str = "1m", length_ms: int = MINUTE_MS, revision: int = 1
) -> Candle:
    return Candle(
        symbol="BTCUSDT",
        interval=interval,
        open_ms=open_ms,
        close_ms=open_ms + length_ms,
        open_e8=100 * 10**8,
        high_e8=103 * 10**8,
        low_e8=99 * 10**8,
        close_e8=101 * 10**8,
        volume_e8=5 * 10**8,
        quote_volume_e8=503 * 10**8,
        trade_count=4,
        taker_buy_volume_e8=2 * 10**8,
        taker_buy_quote_volume_e8=201 * 10**8,
        first_trade_id=10,
        last_trade_id=13,
        price_variation_e16=7,
        status="complete",
        revision=revision,
        source="trades",
        event_ms=open_ms + length_ms - 1,
    )


def newest_revisions(candles: Iterable[Candle]) -> dict[tuple[str, str, int], Candle]:
    """What a reader keeps: the highest revision of each candle."""
    kept: dict[tuple[str, str, int], Candle] = {}
    for candle in candles:
        key = candle.symbol, candle.interval, candle.open_ms
        if key not in kept or candle.revision >= kept[key].revision:
            kept[key] = candle
    return kept
