SELECT $__timeInterval(event_time) AS time, count() / $__interval_s AS trades
FROM trades
WHERE event_time >= $__toTime - INTERVAL 15 MINUTE AND event_time < $__toTime - INTERVAL 5 SECOND
GROUP BY time
ORDER BY time
