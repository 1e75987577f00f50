-- Of the trades of the last five minutes: 99 of 100 were stored within.
SELECT quantile(0.99)(dateDiff('millisecond', event_time, stored_time)) AS delay
FROM trades
WHERE event_time >= $__toTime - INTERVAL 5 MINUTE AND event_time <= $__toTime
HAVING count() > 0
