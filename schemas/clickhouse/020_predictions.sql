-- Predictions as they were published: immutable, one row a question and model. The ones between two
-- minutes are for display and kept for two days; the ones that are scored stay.
CREATE TABLE IF NOT EXISTS predictions
(
    symbol LowCardinality(String),
    interval LowCardinality(String),
    open_time DateTime64(3, 'UTC'),
    close_time DateTime64(3, 'UTC'),
    issued_time DateTime64(3, 'UTC'),
    minutes_to_close Float64,
    model LowCardinality(String),
    version LowCardinality(String),
    status LowCardinality(String),
    scored Bool,
    champion Bool,
    last_price Decimal(38, 8),
    price Decimal(38, 8),
    low_50 Decimal(38, 8),
    high_50 Decimal(38, 8),
    low_90 Decimal(38, 8),
    high_90 Decimal(38, 8),
    volatility_bp Float64,
    stored_time DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(open_time)
ORDER BY (symbol, interval, open_time, issued_time, model)
TTL toDateTime(stored_time) + INTERVAL 2 DAY DELETE WHERE NOT scored
SETTINGS non_replicated_deduplication_window = 10000;

-- What each prediction was worth once its candle had closed.
CREATE TABLE IF NOT EXISTS scores
(
    symbol LowCardinality(String),
    interval LowCardinality(String),
    open_time DateTime64(3, 'UTC'),
    close_time DateTime64(3, 'UTC'),
    issued_time DateTime64(3, 'UTC'),
    minutes_to_close Float64,
    model LowCardinality(String),
    version LowCardinality(String),
    status LowCardinality(String),
    champion Bool,
    volatility_bp Float64,
    price Decimal(38, 8),
    outcome Decimal(38, 8),
    error_bp Float64,
    absolute_error_bp Float64,
    squared_error_bp2 Float64,
    pinball_bp Float64,
    winkler_50_bp Float64,
    winkler_90_bp Float64,
    width_50_bp Float64,
    width_90_bp Float64,
    covered_50 Bool,
    covered_90 Bool,
    stored_time DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(open_time)
ORDER BY (symbol, interval, model, open_time, issued_time)
SETTINGS non_replicated_deduplication_window = 10000;

-- The life of the models: trained, promoted, retired, drift, failed.
CREATE TABLE IF NOT EXISTS model_versions
(
    model LowCardinality(String),
    version String,
    symbol LowCardinality(String),
    event LowCardinality(String),
    event_time DateTime64(3, 'UTC'),
    reason String,
    details String,
    stored_time DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
ORDER BY (model, symbol, version, event, event_time)
SETTINGS non_replicated_deduplication_window = 10000;

-- Skill against the reference, per symbol, model and UTC day: a day's averages beside those of the
-- reference on the same day. (The command `candlewick scoreboard` compares question by question.)
CREATE OR REPLACE VIEW scoreboard AS
SELECT
    symbol,
    model,
    day,
    cases,
    1 - squared_error / nullIf(maxIf(squared_error, model = 'reference') OVER of_day, 0) AS point_skill,
    1 - pinball / nullIf(maxIf(pinball, model = 'reference') OVER of_day, 0) AS pinball_skill,
    1 - winkler_90 / nullIf(maxIf(winkler_90, model = 'reference') OVER of_day, 0) AS winkler_90_skill,
    coverage_50,
    coverage_90,
    width_50_bp,
    width_90_bp,
    champion_share
FROM
(
    SELECT
        symbol,
        model,
        toDate(open_time) AS day,
        count() AS cases,
        avg(squared_error_bp2) AS squared_error,
        avg(pinball_bp) AS pinball,
        avg(winkler_90_bp) AS winkler_90,
        avg(covered_50) AS coverage_50,
        avg(covered_90) AS coverage_90,
        avg(width_50_bp) AS width_50_bp,
        avg(width_90_bp) AS width_90_bp,
        avg(champion) AS champion_share
    FROM scores
    GROUP BY symbol, model, day
)
WINDOW of_day AS (PARTITION BY symbol, day);

-- Coverage and width by minutes to close.
CREATE OR REPLACE VIEW calibration AS
SELECT
    symbol,
    model,
    toDate(open_time) AS day,
    toUInt8(round(minutes_to_close)) AS minutes,
    count() AS cases,
    avg(covered_50) AS coverage_50,
    avg(covered_90) AS coverage_90,
    avg(width_50_bp) AS width_50_bp,
    avg(width_90_bp) AS width_90_bp
FROM scores
GROUP BY symbol, model, day, minutes;
