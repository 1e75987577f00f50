-- The comparison as before, and where it begins now that days of the past may be proven from archives of
-- trades: what we lived through is compared as a whole, also where we have no candle. Of the days before,
-- only our own candles are compared: what lies between them is history, not ours to check.
-- A live revision is below a million, and not 0 (schemas/replayed.py).
CREATE OR REPLACE VIEW audit AS
WITH
    (SELECT ifNull(minOrNull(open_time), toDateTime64('2299-01-01', 3, 'UTC')) FROM candles WHERE revision BETWEEN 1 AND 999999) AS live_since,
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
WHERE (open_time >= live_since OR toDate(open_time) IN (SELECT toDate(open_time) FROM candles WHERE revision = 0 OR revision > 999999))
    AND (open_time >= live_since OR is_there);

-- Candles of ours whose first trade is not the one that was due: its id does not follow the last one of
-- the candle before, though nothing is said to be missing between them, or it is in that candle too.
-- due_trade_id follows the last trade before. Name a symbol and an interval: only those rows are read.
CREATE OR REPLACE VIEW trade_id_breaks AS
SELECT symbol, interval, open_time, first_trade_id, last_before + 1 AS due_trade_id, revision
FROM
(
    SELECT
        symbol, interval, open_time, status, trade_count, first_trade_id, last_trade_id, revision, run,
        anyLast(if(trade_count > 0, first_trade_id, NULL)) OVER earlier AS first_before,
        anyLast(if(trade_count > 0, last_trade_id, NULL)) OVER earlier AS last_before,
        anyLast(if(trade_count > 0, run, NULL)) OVER earlier AS run_before
    FROM
    (
        SELECT
            symbol, interval, open_time, status, trade_count, first_trade_id, last_trade_id, revision,
            sum(begins_anew) OVER (PARTITION BY interval, symbol ORDER BY open_time ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS run
        FROM
        (
            SELECT
                symbol, interval, open_time, status, trade_count, first_trade_id, last_trade_id, revision,
                open_time != lagInFrame(close_time) OVER before
                    OR status = 'gapped' OR lagInFrame(status) OVER before = 'gapped' AS begins_anew
            FROM candles FINAL
            WINDOW before AS (PARTITION BY interval, symbol ORDER BY open_time ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
        )
    )
    WINDOW earlier AS (PARTITION BY interval, symbol ORDER BY open_time ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
)
WHERE status = 'complete' AND last_before IS NOT NULL AND first_trade_id != last_before + 1
    AND (run = run_before OR (first_trade_id <= last_before AND last_trade_id >= first_before));
