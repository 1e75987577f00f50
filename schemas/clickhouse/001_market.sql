-- Trades as they happened, one row an aggregate trade.
CREATE TABLE IF NOT EXISTS trades
(
    symbol LowCardinality(String),
    agg_id Int64,
    first_trade_id Int64,
    fills Int32,
    event_time DateTime64(3, 'UTC'),
    received_time DateTime64(3, 'UTC'),
    price Decimal(18, 8),
    quantity Decimal(18, 8),
    taker_sold Bool,
    stored_time DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(event_time)
ORDER BY (symbol, agg_id)
SETTINGS non_replicated_deduplication_window = 10000;

-- Closed candles made from trades; a higher revision replaces a lower one.
CREATE TABLE IF NOT EXISTS candles
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
PARTITION BY toYear(open_time)
ORDER BY (interval, symbol, open_time)
SETTINGS non_replicated_deduplication_window = 10000;

-- The open candle as it moves; the newest record of a candle replaces the older ones.
CREATE TABLE IF NOT EXISTS candles_live
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
ENGINE = ReplacingMergeTree(event_time)
PARTITION BY toDate(open_time)
ORDER BY (interval, symbol, open_time)
TTL toDateTime(stored_time) + INTERVAL 1 DAY
SETTINGS non_replicated_deduplication_window = 10000;

-- The exchange's own closed candles, one row a source.
CREATE TABLE IF NOT EXISTS klines
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
ENGINE = ReplacingMergeTree(event_time)
PARTITION BY toYear(open_time)
ORDER BY (interval, symbol, open_time, source)
SETTINGS non_replicated_deduplication_window = 10000;

-- What became of each gap in the trades; one row a state.
CREATE TABLE IF NOT EXISTS gaps
(
    symbol LowCardinality(String),
    first_agg_id Int64,
    last_agg_id Int64,
    after_time Nullable(DateTime64(3, 'UTC')),
    before_time Nullable(DateTime64(3, 'UTC')),
    state LowCardinality(String),
    noticed_time DateTime64(3, 'UTC'),
    changed_time DateTime64(3, 'UTC'),
    reason String,
    stored_time DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(changed_time)
ORDER BY (symbol, first_agg_id, last_agg_id, state)
SETTINGS non_replicated_deduplication_window = 10000;
