SELECT
    symbol,
    toFloat64(argMax(close, open_time)) AS last,
    last / toFloat64(argMin(open, open_time)) - 1 AS `24 h`,
    last / nullIf(toFloat64(argMinIf(open, open_time, open_time >= $__toTime - INTERVAL 1 HOUR)), 0) - 1 AS `1 h`,
    toFloat64(max(high)) AS high,
    toFloat64(min(low)) AS low,
    toFloat64(sum(quote_volume)) AS volume,
    sum(trade_count) / 1440 AS `trades a minute`
FROM candles_1m
WHERE open_time >= $__toTime - INTERVAL 1 DAY AND open_time <= $__toTime
GROUP BY symbol
ORDER BY volume DESC
