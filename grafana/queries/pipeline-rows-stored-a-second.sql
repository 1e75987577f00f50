-- Whole steps only: a part of one would look like a fall. A table that got no row in a step has zero there.
WITH
    toStartOfInterval($__fromTime, toIntervalSecond($__interval_s)) + INTERVAL $__interval_s SECOND AS begin,
    toStartOfInterval($__toTime, toIntervalSecond($__interval_s)) AS until
SELECT time, source, sum(stored) / $__interval_s AS rows
FROM
(
    SELECT $__timeInterval(stored_time) AS time, source, count() AS stored
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
    WHERE stored_time >= begin AND stored_time < until
    GROUP BY time, source
    UNION ALL
    SELECT
        toDateTime(arrayJoin(range(toUInt32(begin), toUInt32(until), $__interval_s))) AS time,
        arrayJoin(['trades', 'candles', 'predictions', 'scores']) AS source,
        0
)
GROUP BY time, source
ORDER BY time, source
