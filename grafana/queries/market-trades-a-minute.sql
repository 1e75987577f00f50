SELECT open_time AS time, toFloat64(trade_count) AS trades
FROM candles_1m
WHERE symbol = ${symbol:singlequote} AND open_time >= $__toTime - INTERVAL 2 HOUR AND open_time <= $__toTime
ORDER BY time
