SELECT toFloat64(uniqExactIf((symbol, interval, open_time), revision BETWEEN 2 AND 999999)) AS revised
FROM candles
WHERE interval = '15m' AND $__timeFilter(open_time)
