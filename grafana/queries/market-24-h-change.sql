-- From the first minute of the last 24 hours; none without it, as of a symbol that was listed since.
SELECT
    toFloat64(argMax(close, open_time)) / toFloat64(argMin(open, open_time)) - 1 AS change
FROM candles_1m
WHERE symbol = ${symbol:singlequote} AND open_time >= $__toTime - INTERVAL 1 DAY AND open_time <= $__toTime
HAVING count() > 0 AND min(open_time) < $__toTime - INTERVAL 1 DAY + INTERVAL 2 MINUTE
