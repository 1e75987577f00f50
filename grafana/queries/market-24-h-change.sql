SELECT
    toFloat64(argMax(close, open_time)) / toFloat64(argMin(open, open_time)) - 1 AS change
FROM candles_1m
WHERE symbol = ${symbol:singlequote} AND open_time >= $__toTime - INTERVAL 1 DAY AND open_time <= $__toTime
HAVING count() > 0
