-- The comparison, and what a candle of ours says against itself: it is called complete, and it has not
-- as many trades as there are ids from its first to its last. Such a candle is a mismatch, whether the
-- exchange's is known or not; among what differs it is `trade_ids`.
CREATE OR REPLACE VIEW audit AS
WITH
    c.status = 'complete' AND c.first_trade_id >= 0
        AND c.trade_count != c.last_trade_id - c.first_trade_id + 1 AS against_its_ids
SELECT
    symbol,
    interval,
    open_time,
    status,
    revision,
    exchange_source,
    if(against_its_ids, 'mismatch', c.result) AS result,
    if(against_its_ids, arrayPushBack(c.differs, 'trade_ids'), c.differs) AS differs,
    open,
    exchange_open,
    high,
    exchange_high,
    low,
    exchange_low,
    close,
    exchange_close,
    volume,
    exchange_volume,
    quote_volume,
    exchange_quote_volume,
    trade_count,
    exchange_trade_count,
    taker_buy_volume,
    exchange_taker_buy_volume,
    taker_buy_quote_volume,
    exchange_taker_buy_quote_volume,
    first_trade_id,
    exchange_first_trade_id,
    last_trade_id,
    exchange_last_trade_id
FROM candles_compared AS c
WHERE open_time >= (SELECT ifNull(minOrNull(open_time), toDateTime64('2299-01-01', 3, 'UTC')) FROM candles);
