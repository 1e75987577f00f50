-- Delay within which 99 of 100 trades of the last five minutes were stored.
SELECT quantile(0.99)(dateDiff('millisecond', event_time, stored_time)) AS delay
FROM trades
WHERE event_time >= $__toTime - INTERVAL 5 MINUTE AND event_time <= $__toTime
HAVING count() > 0
