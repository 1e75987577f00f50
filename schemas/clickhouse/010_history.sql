-- Candles that the exchange itself does not have, with what proves it.
--
-- kind: official (trade ids go on without a break: agg_id_after = agg_id_before + 1), unlisted
-- (before the first trade of the symbol), unproven (neither could be shown).
CREATE TABLE IF NOT EXISTS holes
(
    symbol LowCardinality(String),
    interval LowCardinality(String),
    open_time DateTime64(3, 'UTC'),
    close_time DateTime64(3, 'UTC'),
    kind LowCardinality(String),
    agg_id_before Int64,
    agg_id_after Int64,
    before_time Nullable(DateTime64(3, 'UTC')),
    after_time Nullable(DateTime64(3, 'UTC')),
    checked_time DateTime64(3, 'UTC'),
    reason String,
    stored_time DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(checked_time)
ORDER BY (interval, symbol, open_time, close_time)
SETTINGS non_replicated_deduplication_window = 10000;

-- Archive files that were read, with the checksum that each had; one row a file and checksum.
CREATE TABLE IF NOT EXISTS archives
(
    name String,
    symbol LowCardinality(String),
    interval LowCardinality(String),
    source LowCardinality(String),
    open_time DateTime64(3, 'UTC'),
    close_time DateTime64(3, 'UTC'),
    sha256 String,
    rows Int64,
    state LowCardinality(String),
    changed_time DateTime64(3, 'UTC'),
    reason String,
    stored_time DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(changed_time)
ORDER BY (symbol, interval, name, sha256)
SETTINGS non_replicated_deduplication_window = 10000;

-- Coins as CoinGecko describes them, one row a coin and moment; US dollars, changes in per cent.
CREATE TABLE IF NOT EXISTS coins
(
    coin_id LowCardinality(String),
    ticker LowCardinality(String),
    name LowCardinality(String),
    rank Nullable(Int64),
    price Nullable(Decimal(38, 8)),
    market_cap Nullable(Decimal(38, 8)),
    fully_diluted Nullable(Decimal(38, 8)),
    volume_24h Nullable(Decimal(38, 8)),
    high_24h Nullable(Decimal(38, 8)),
    low_24h Nullable(Decimal(38, 8)),
    change_24h Nullable(Decimal(38, 8)),
    market_cap_change_24h Nullable(Decimal(38, 8)),
    circulating_supply Nullable(Decimal(38, 8)),
    total_supply Nullable(Decimal(38, 8)),
    max_supply Nullable(Decimal(38, 8)),
    ath Nullable(Decimal(38, 8)),
    ath_change Nullable(Decimal(38, 8)),
    ath_time Nullable(DateTime64(3, 'UTC')),
    atl Nullable(Decimal(38, 8)),
    atl_change Nullable(Decimal(38, 8)),
    atl_time Nullable(DateTime64(3, 'UTC')),
    updated_time DateTime64(3, 'UTC'),
    fetched_time DateTime64(3, 'UTC'),
    stored_time DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(fetched_time)
ORDER BY (coin_id, updated_time)
SETTINGS non_replicated_deduplication_window = 10000;

-- Daily price, capitalisation and volume of each coin by CoinGecko; US dollars.
CREATE TABLE IF NOT EXISTS coin_days
(
    coin_id LowCardinality(String),
    time DateTime64(3, 'UTC'),
    price Decimal(38, 8),
    market_cap Decimal(38, 8),
    volume_24h Decimal(38, 8),
    fetched_time DateTime64(3, 'UTC'),
    stored_time DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(fetched_time)
ORDER BY (coin_id, time)
SETTINGS non_replicated_deduplication_window = 10000;

-- Daily history from other providers' exports; never mixed with the exchange's candles.
CREATE TABLE IF NOT EXISTS imported_candles
(
    source LowCardinality(String),
    symbol LowCardinality(String),
    interval LowCardinality(String),
    open_time DateTime64(3, 'UTC'),
    close_time DateTime64(3, 'UTC'),
    open Nullable(Decimal(38, 8)),
    high Nullable(Decimal(38, 8)),
    low Nullable(Decimal(38, 8)),
    close Decimal(38, 8),
    volume Nullable(Decimal(38, 8)),
    market_cap Nullable(Decimal(38, 8)),
    file String,
    stored_time DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(stored_time)
ORDER BY (source, symbol, interval, open_time)
SETTINGS non_replicated_deduplication_window = 10000;
