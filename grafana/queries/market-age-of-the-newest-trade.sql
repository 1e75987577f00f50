-- At least an hour if there was no trade for that long.
SELECT
    greatest(0, dateDiff('millisecond', greatest(max(event_time), toDateTime64($__toTime - INTERVAL 1 HOUR, 3)), toDateTime64($__toTime, 3)) / 1000) AS age
FROM trades
WHERE symbol = ${symbol:singlequote} AND event_time >= $__toTime - INTERVAL 1 HOUR
