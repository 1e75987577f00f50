SELECT toFloat64(sum(quote_volume)) AS volume
FROM candles_1m
WHERE symbol = ${symbol:singlequote} AND open_time >= $__toTime - INTERVAL 1 DAY AND open_time <= $__toTime
