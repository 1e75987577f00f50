-- What `audit` asks of all candles, kept by day, so that its cost does not grow with the past: the first candle
-- of a day that we lived through, and whether any was made of archives of trades. A live revision is below a
-- million, and not 0 (schemas/replayed.py). A minimum and a maximum are the same however often a row comes. A day
-- goes when its candles go, by stored_time.
CREATE TABLE IF NOT EXISTS candle_days
(
    day Date,
    live_since SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
    is_proven SimpleAggregateFunction(max, UInt8),
    stored_time SimpleAggregateFunction(max, DateTime64(3, 'UTC'))
)
ENGINE = AggregatingMergeTree
ORDER BY day
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS candle_days_of_candles TO candle_days AS
SELECT
    toDate(open_time) AS day,
    min(if(revision BETWEEN 1 AND 999999, open_time, toDateTime64('2299-01-01', 3, 'UTC'))) AS live_since,
    max(revision = 0 OR revision > 999999) AS is_proven,
    max(stored_time) AS stored_time
FROM candles
GROUP BY day;

INSERT INTO candle_days
SELECT
    toDate(open_time) AS day,
    min(if(revision BETWEEN 1 AND 999999, open_time, toDateTime64('2299-01-01', 3, 'UTC'))) AS live_since,
    max(revision = 0 OR revision > 999999) AS is_proven,
    max(stored_time) AS stored_time
FROM candles
GROUP BY day;

-- The comparison as before: what we lived through is compared as a whole, also where we have no candle. Of the
-- days before, only our own candles are compared: what lies between them is history, not ours to check.
CREATE OR REPLACE VIEW audit AS
WITH
    (SELECT ifNull(minOrNull(d.live_since), toDateTime64('2299-01-01', 3, 'UTC')) FROM candle_days AS d) AS live_since,
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
WHERE (open_time >= live_since OR toDate(open_time) IN (SELECT day FROM candle_days GROUP BY day HAVING max(is_proven)))
    AND (open_time >= live_since OR is_there);
