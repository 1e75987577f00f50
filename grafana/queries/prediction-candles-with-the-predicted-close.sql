-- One-minute candles, each with the prediction made when it opened: the close of its quarter-hour.
SELECT
    m.open_time AS time,
    toFloat64(m.open) AS open,
    toFloat64(m.high) AS high,
    toFloat64(m.low) AS low,
    toFloat64(m.close) AS close,
    p.predicted AS predicted,
    p.low AS `90 % from`,
    p.high AS `90 % to`
FROM
(
    SELECT open_time, open, high, low, close
    FROM candles_1m
    WHERE symbol = ${symbol:singlequote} AND $__timeFilter(open_time)
) AS m
LEFT JOIN
(
    SELECT
        toStartOfMinute(issued_time) AS minute,
        toNullable(toFloat64(argMax(price, issued_time))) AS predicted,
        toNullable(toFloat64(argMax(low_90, issued_time))) AS low,
        toNullable(toFloat64(argMax(high_90, issued_time))) AS high
    FROM predictions
    WHERE symbol = ${symbol:singlequote} AND interval = '15m' AND scored
        AND open_time >= $__fromTime - INTERVAL 15 MINUTE AND open_time <= $__toTime
        AND if(${model:singlequote} = 'champion', champion, model = ${model:singlequote})
    GROUP BY minute
) AS p ON p.minute = toDateTime(m.open_time, 'UTC')
ORDER BY time
