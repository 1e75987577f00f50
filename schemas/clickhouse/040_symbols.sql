-- Every change of which symbols are followed, and of how the exchange trades them, with its time.
--
-- chosen_by: hand (a person, who wins) or setting (CANDLEWICK_SYMBOLS; such a row also has what the
-- exchange says). status: the exchange's word (TRADING, HALT, BREAK, ...), UNLISTED, or empty.
-- since_time: time of the newest trade of a symbol that is not traded.
CREATE TABLE IF NOT EXISTS symbol_changes
(
    symbol LowCardinality(String),
    chosen_by LowCardinality(String),
    is_followed Bool,
    status LowCardinality(String),
    since_time Nullable(DateTime64(3, 'UTC')),
    matched_time Nullable(DateTime64(3, 'UTC')),
    tick Nullable(Decimal(38, 8)),
    step Nullable(Decimal(38, 8)),
    permissions String,
    changed_time DateTime64(3, 'UTC'),
    reason String,
    stored_time DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(stored_time)
ORDER BY (symbol, chosen_by, changed_time)
SETTINGS non_replicated_deduplication_window = 10000;

-- The symbols as they are now: followed or not, by whose choice, and how each is traded.
-- not_trading_since is null for a symbol that is traded.
CREATE OR REPLACE VIEW symbols_now AS
SELECT
    symbol,
    argMax(c.is_followed, (c.chosen_by = 'hand', c.changed_time, c.stored_time)) AS is_followed,
    argMax(c.chosen_by, (c.chosen_by = 'hand', c.changed_time, c.stored_time)) AS chosen_by,
    argMaxIf(c.status, (c.changed_time, c.stored_time), c.chosen_by = 'setting') AS status,
    if(status IN ('', 'TRADING'), NULL, argMaxIf(c.since_time, (c.changed_time, c.stored_time), c.chosen_by = 'setting')) AS not_trading_since,
    argMaxIf(c.tick, (c.changed_time, c.stored_time), c.chosen_by = 'setting') AS tick,
    argMaxIf(c.step, (c.changed_time, c.stored_time), c.chosen_by = 'setting') AS step,
    argMaxIf(c.permissions, (c.changed_time, c.stored_time), c.chosen_by = 'setting') AS permissions,
    max(c.changed_time) AS changed_time,
    argMax(c.reason, (c.changed_time, c.stored_time)) AS reason
FROM symbol_changes AS c
GROUP BY symbol;
