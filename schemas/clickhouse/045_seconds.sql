-- Closed candles of one second, where the setting has them made: a table of their own, because they are
-- up to 86,400 a day and symbol, are kept for some days only, and are not compared with the exchange's.
-- A higher revision replaces a lower one. A second without a row was not made, as more than 15
-- minutes after a trade; the next row's first_trade_id tells whether trades are missing between.
CREATE TABLE IF NOT EXISTS candles_1s
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
    stored_time DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(revision)
PARTITION BY toDate(open_time)
ORDER BY (interval, symbol, open_time)
TTL toDateTime(stored_time) + INTERVAL 7 DAY
SETTINGS non_replicated_deduplication_window = 10000;
