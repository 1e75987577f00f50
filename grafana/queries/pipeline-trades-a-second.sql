-- Whole steps of ten seconds, however long the time range is; the last 5 to 15 s may not be stored yet. Silence is zero.
WITH toStartOfInterval($__toTime - INTERVAL 5 SECOND, INTERVAL 10 SECOND) AS until
SELECT toStartOfInterval(toDateTime(event_time), INTERVAL 10 SECOND) AS time, count() / 10 AS trades
FROM trades
WHERE event_time >= until - INTERVAL 15 MINUTE AND event_time < until
GROUP BY time
ORDER BY time WITH FILL FROM until - INTERVAL 15 MINUTE TO until STEP INTERVAL 10 SECOND
