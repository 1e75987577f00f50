SELECT
    greatest(0, dateDiff('millisecond', max(event_time), toDateTime64($__toTime, 3)) / 1000) AS age
FROM trades
WHERE symbol = ${symbol:singlequote} AND event_time >= $__toTime - INTERVAL 1 HOUR
HAVING count() > 0
