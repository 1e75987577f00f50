-- Change of every symbol since the start of the time range.
SELECT
    time,
    symbol,
    price / first_value(price) OVER (PARTITION BY symbol ORDER BY time) - 1 AS change
FROM
(
    SELECT
        toStartOfInterval(open_time, toIntervalSecond(greatest(900, $__interval_s))) AS time,
        symbol,
        toFloat64(argMax(close, open_time)) AS price
    FROM candles_15m
    WHERE $__timeFilter(open_time)
    GROUP BY time, symbol
)
ORDER BY time, symbol
