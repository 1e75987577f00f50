-- Share of each day's 15m candles that are stored and whole; partial days at both ends count in part,
-- and no candle is expected before a symbol's first one.
SELECT
    time,
    symbol,
    least(1, held / greatest(1, intDiv(dateDiff('second', greatest(time, since), least(time + INTERVAL 1 DAY, $__toTime - INTERVAL 1 MINUTE)), 900))) AS complete
FROM
(
    SELECT
        toStartOfDay(open_time) AS time,
        symbol,
        countIf(status != 'gapped') AS held,
        toDateTime(min(min(open_time)) OVER (PARTITION BY symbol), 'UTC') AS since
    FROM candles_15m
    WHERE $__timeFilter(open_time)
    GROUP BY time, symbol
)
ORDER BY time, symbol
