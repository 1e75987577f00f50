-- Earlier rows of `candles` and `klines` that a later one has replaced, as they were: few, because a
-- candle is rarely corrected. stored_time is when the row was stored, so it could be read since; a row
-- that was stored twice is here twice.
CREATE TABLE IF NOT EXISTS candle_revisions
(
    symbol LowCardinality(String),
    interval LowCardinality(String),
    open_time DateTime64(3, 'UTC'),
    close_time DateTime64(3, 'UTC'),
    open Decimal(38, 8),
    high Decimal(38, 8),
    low Decimal(38, 8),
    close Decimal(38, 8),
    volume Decimal(38, 8),
    quote_volume Decimal(38, 8),
    trade_count Int64,
    taker_buy_volume Decimal(38, 8),
    taker_buy_quote_volume Decimal(38, 8),
    first_trade_id Int64,
    last_trade_id Int64,
    price_variation Nullable(Decimal(38, 16)),
    status LowCardinality(String),
    revision Int32,
    source LowCardinality(String),
    event_time DateTime64(3, 'UTC'),
    rank UInt8,
    stored_time DateTime64(3, 'UTC'),
    kept_time DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
PARTITION BY toYear(open_time)
ORDER BY (interval, symbol, open_time, source, revision, event_time, stored_time)
SETTINGS non_replicated_deduplication_window = 10000;

-- What could be read of each candle at a moment: one row a candle and source; the row with the lowest
-- rank was the best. Name symbol, interval and a range of
-- open_time: SELECT ... FROM candles_as_of(as_of = '2026-01-01 00:00:00') WHERE ...
CREATE OR REPLACE VIEW candles_as_of AS
WITH (if(c.source = 'trades', c.revision, 0), c.event_time, c.revision) AS version
SELECT
    symbol,
    interval,
    open_time,
    source,
    argMax(c.close_time, version) AS close_time,
    argMax(c.open, version) AS open,
    argMax(c.high, version) AS high,
    argMax(c.low, version) AS low,
    argMax(c.close, version) AS close,
    argMax(c.volume, version) AS volume,
    argMax(c.quote_volume, version) AS quote_volume,
    argMax(c.trade_count, version) AS trade_count,
    argMax(c.taker_buy_volume, version) AS taker_buy_volume,
    argMax(c.taker_buy_quote_volume, version) AS taker_buy_quote_volume,
    argMax(c.first_trade_id, version) AS first_trade_id,
    argMax(c.last_trade_id, version) AS last_trade_id,
    argMax(c.status, version) AS status,
    argMax(c.revision, version) AS revision,
    argMax(c.rank, version) AS rank
FROM
(
    SELECT symbol, interval, open_time, close_time, open, high, low, close, volume, quote_volume, trade_count,
        taker_buy_volume, taker_buy_quote_volume, first_trade_id, last_trade_id, status, revision, source, event_time, rank, stored_time
    FROM candles
    UNION ALL
    SELECT symbol, interval, open_time, close_time, open, high, low, close, volume, quote_volume, trade_count,
        taker_buy_volume, taker_buy_quote_volume, first_trade_id, last_trade_id, status, revision, source, event_time, rank, stored_time
    FROM klines
    UNION ALL
    SELECT symbol, interval, open_time, close_time, open, high, low, close, volume, quote_volume, trade_count,
        taker_buy_volume, taker_buy_quote_volume, first_trade_id, last_trade_id, status, revision, source, event_time, rank, stored_time
    FROM candle_revisions
) AS c
WHERE c.stored_time <= {as_of:DateTime64(3, 'UTC')}
GROUP BY symbol, interval, open_time, source;
