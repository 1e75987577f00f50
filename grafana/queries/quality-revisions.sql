-- Candles that changed after their close, because a gap was repaired or a trade arrived late.
SELECT
    toStartOfInterval(open_time, toIntervalSecond(greatest(900, $__interval_s))) AS time,
    symbol,
    toFloat64(uniqExact(interval, open_time)) AS candles
FROM candles
WHERE revision BETWEEN 2 AND 999999 AND $__timeFilter(open_time)
GROUP BY time, symbol
ORDER BY time, symbol
