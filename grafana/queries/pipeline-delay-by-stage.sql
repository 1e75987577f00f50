-- 99th percentile of each stage, in milliseconds; predictions stored after their candle closed are left out.
-- All clocks except the exchange's are this machine's. Every sixteenth trade is sampled.
SELECT $__timeInterval(moment) AS time, stage, quantile(0.99)(delay) AS delay
FROM
(
    SELECT event_time AS moment, pair.1 AS stage, pair.2 AS delay
    FROM
    (
        SELECT
            event_time,
            arrayJoin([
                ('exchange to producer', dateDiff('millisecond', event_time, received_time)),
                ('producer to ClickHouse', dateDiff('millisecond', received_time, stored_time))
            ]) AS pair
        FROM trades
        WHERE agg_id % 16 = 0 AND $__timeFilter(event_time)
    )
    UNION ALL
    SELECT close_time, 'candle closed to stored', dateDiff('millisecond', close_time, stored_time)
    FROM candles
    WHERE interval = '1m' AND revision = 1 AND $__timeFilter(open_time)
    UNION ALL
    SELECT issued_time, 'prediction asked to stored', dateDiff('millisecond', issued_time, stored_time)
    FROM predictions
    WHERE scored AND stored_time BETWEEN issued_time AND close_time AND open_time >= $__fromTime - INTERVAL 15 MINUTE AND $__timeFilter(issued_time)
)
GROUP BY time, stage
ORDER BY time, stage
