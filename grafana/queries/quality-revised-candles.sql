SELECT toFloat64(uniqExactIf((symbol, interval, open_time), revision > 1)) AS revised
FROM candles
WHERE interval = '15m' AND $__timeFilter(open_time)
