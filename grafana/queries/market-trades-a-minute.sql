-- A minute that has no candle half a minute after its end had no trades.
WITH toStartOfMinute($__toTime - INTERVAL 30 SECOND) AS until
SELECT toDateTime(open_time) AS time, toFloat64(trade_count) AS trades
FROM candles_1m
WHERE symbol = ${symbol:singlequote} AND open_time >= until - INTERVAL 2 HOUR AND open_time <= $__toTime
ORDER BY time WITH FILL FROM until - INTERVAL 2 HOUR TO until STEP INTERVAL 1 MINUTE
