-- Closed candles, and the open one where it is followed (1m and 15m).
SELECT
    c.open_time AS time,
    toFloat64(argMin(c.open, place)) AS open,
    toFloat64(argMin(c.high, place)) AS high,
    toFloat64(argMin(c.low, place)) AS low,
    toFloat64(argMin(c.close, place)) AS close,
    toFloat64(argMin(c.volume, place)) AS volume
FROM
(
    SELECT open_time, open, high, low, close, volume, 0 AS place
    FROM candles_${interval:raw}
    WHERE symbol = ${symbol:singlequote} AND $__timeFilter(open_time)
    UNION ALL
    SELECT open_time, open, high, low, close, volume, 1 AS place
    FROM candles_live FINAL
    WHERE interval = ${interval:singlequote} AND symbol = ${symbol:singlequote}
        AND open_time >= $__toTime - INTERVAL 20 MINUTE AND open_time <= $__toTime
) AS c
GROUP BY time
ORDER BY time
