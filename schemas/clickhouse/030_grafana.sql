-- The newest trades are found by time too, without reading all of a symbol's day.
ALTER TABLE trades ADD INDEX IF NOT EXISTS event_time_range event_time TYPE minmax GRANULARITY 1;

-- The best candles of an interval by the name of a table, as 1h, 4h and 1d have it already.
CREATE OR REPLACE VIEW candles_1m AS
SELECT * FROM candles_best WHERE interval = '1m';

CREATE OR REPLACE VIEW candles_15m AS
SELECT * FROM candles_best WHERE interval = '15m';

-- What `python -m grafana measure` saw of the pipeline from outside, every few seconds.
--
-- measure, what it is of, detail: lag (consumer group, topic: records not worked on yet),
-- end (topic: sum of the newest offsets of its partitions), member (consumer group, member id: 1),
-- disk_free and disk_total (ClickHouse's disk: bytes), bytes, rows and parts (table),
-- uptime (clickhouse: seconds).
CREATE TABLE IF NOT EXISTS pipeline_measures
(
    measured_time DateTime64(3, 'UTC'),
    measure LowCardinality(String),
    of LowCardinality(String),
    detail LowCardinality(String),
    value Float64,
    stored_time DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
ORDER BY (measure, measured_time, of, detail)
TTL toDateTime(measured_time) + INTERVAL 30 DAY
SETTINGS non_replicated_deduplication_window = 10000;

-- Records that could not be read, without the record; one row a dead letter.
CREATE TABLE IF NOT EXISTS dead_letters
(
    partition Int32,
    offset Int64,
    letter_time DateTime64(3, 'UTC'),
    reason String,
    origin_topic LowCardinality(String),
    origin_partition Int32,
    origin_offset Int64,
    bytes Int64,
    stored_time DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
ORDER BY (partition, offset)
SETTINGS non_replicated_deduplication_window = 10000;
