SELECT
    toStartOfInterval(open_time, toIntervalSecond(greatest(900, $__interval_s))) AS time,
    toString(result) AS kind,
    toFloat64(count()) AS candles
FROM audit
WHERE interval = '15m' AND $__timeFilter(open_time)
GROUP BY time, kind
ORDER BY time, kind
