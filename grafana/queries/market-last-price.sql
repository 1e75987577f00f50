-- Closes of the minutes for the line behind the number; the last one is the open minute.
SELECT time, price
FROM
(
    SELECT open_time AS time, toFloat64(close) AS price
    FROM candles_1m
    WHERE symbol = ${symbol:singlequote} AND open_time >= $__toTime - INTERVAL 2 HOUR AND open_time <= $__toTime
    UNION ALL
    SELECT open_time AS time, toFloat64(argMax(close, event_time)) AS price
    FROM candles_live
    WHERE interval = '1m' AND symbol = ${symbol:singlequote}
        AND open_time >= $__toTime - INTERVAL 5 MINUTE AND open_time <= $__toTime
    GROUP BY open_time
)
ORDER BY time
LIMIT 1 BY time
