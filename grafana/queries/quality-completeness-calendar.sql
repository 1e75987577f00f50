-- Share of each day's 15m candles that are held whole; the days at both ends count as far as they go.
SELECT
    toStartOfDay(open_time) AS time,
    symbol,
    least(1, countIf(status != 'gapped')
        / greatest(1, intDiv(dateDiff('second', greatest(time, $__fromTime), least(time + INTERVAL 1 DAY, $__toTime - INTERVAL 1 MINUTE)), 900))) AS complete
FROM candles_15m
WHERE $__timeFilter(open_time)
GROUP BY time, symbol
ORDER BY time, symbol
