-- Seconds since the newest row of each table that always grows, by ClickHouse's clock; at least a day if there is none.
SELECT kind AS table, toFloat64(least(greatest(0, dateDiff('second', stored, $__toTime)), 86400)) AS value
FROM
(
    SELECT 'trades' AS kind, max(stored_time) AS stored FROM trades WHERE event_time >= $__toTime - INTERVAL 1 DAY
    UNION ALL
    SELECT 'candles', max(stored_time) FROM candles WHERE interval = '1m' AND open_time >= $__toTime - INTERVAL 1 DAY
    UNION ALL
    SELECT 'predictions', max(stored_time) FROM predictions WHERE open_time >= $__toTime - INTERVAL 1 DAY
)
ORDER BY table
