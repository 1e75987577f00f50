SELECT symbol, greatest(0, dateDiff('millisecond', max(event_time), toDateTime64($__toTime, 3)) / 1000) AS age
FROM trades
WHERE event_time >= $__toTime - INTERVAL 1 HOUR AND event_time <= $__toTime
GROUP BY symbol
ORDER BY age DESC
