SELECT
    $__timeInterval(stored_time) AS time,
    source,
    count() / $__interval_s AS rows
FROM
(
    SELECT stored_time, 'trades' AS source FROM trades
    WHERE event_time >= $__fromTime - INTERVAL 5 MINUTE AND event_time <= $__toTime
    UNION ALL
    SELECT stored_time, 'candles' FROM candles WHERE open_time >= $__fromTime - INTERVAL 1 HOUR AND open_time <= $__toTime
    UNION ALL
    SELECT stored_time, 'predictions' FROM predictions WHERE open_time >= $__fromTime - INTERVAL 1 HOUR AND open_time <= $__toTime
    UNION ALL
    SELECT stored_time, 'scores' FROM scores WHERE open_time >= $__fromTime - INTERVAL 1 HOUR AND open_time <= $__toTime
)
WHERE $__timeFilter(stored_time)
GROUP BY time, source
ORDER BY time, source
