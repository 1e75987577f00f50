-- Changes are from the first minute of their time; none without it, as of a symbol that was listed since.
WITH
    $__toTime - INTERVAL 1 DAY AS a_day_ago,
    $__toTime - INTERVAL 1 HOUR AS an_hour_ago
SELECT
    symbol,
    toFloat64(argMax(close, open_time)) AS last,
    if(min(open_time) < a_day_ago + INTERVAL 2 MINUTE, last / toFloat64(argMin(open, open_time)) - 1, NULL) AS `24 h`,
    last / nullIf(toFloat64(argMinIf(open, open_time, open_time >= an_hour_ago AND open_time < an_hour_ago + INTERVAL 2 MINUTE)), 0) - 1 AS `1 h`,
    toFloat64(max(high)) AS high,
    toFloat64(min(low)) AS low,
    toFloat64(sum(quote_volume)) AS volume,
    sum(trade_count) / greatest(1, dateDiff('second', greatest(min(open_time), a_day_ago), $__toTime) / 60) AS `trades a minute`
FROM candles_1m
WHERE open_time >= a_day_ago AND open_time <= $__toTime
GROUP BY symbol
ORDER BY volume DESC
