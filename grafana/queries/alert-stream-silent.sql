-- Seconds since the newest trade of any symbol; at least an hour if there was none.
SELECT greatest(0, dateDiff('second', greatest(max(event_time), toDateTime64($__toTime - INTERVAL 1 HOUR, 3)), $__toTime)) AS value
FROM trades
WHERE event_time >= $__toTime - INTERVAL 1 HOUR
