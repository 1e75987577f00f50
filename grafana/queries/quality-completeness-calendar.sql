-- Share of each day's 15m candles that are stored and whole; partial days at both ends count in part,
-- and no candle is expected before a symbol's first one, or after its trading ended.
WITH ifNull(toStartOfInterval(not_trading_since, INTERVAL 15 MINUTE) + INTERVAL 15 MINUTE, $__toTime) AS ended
SELECT
    time,
    symbol,
    least(1, held / greatest(1, intDiv(dateDiff('second', greatest(time, since), least(time + INTERVAL 1 DAY, until)), 900))) AS complete
FROM
(
    SELECT
        least(ended, $__toTime - INTERVAL 1 MINUTE) AS until,
        toStartOfDay(open_time) AS time,
        c.symbol AS symbol,
        countIf(status != 'gapped') AS held,
        toDateTime(min(min(open_time)) OVER (PARTITION BY symbol), 'UTC') AS since
    FROM
    (
        SELECT symbol, open_time, close_time, status
        FROM candles_15m
        WHERE $__timeFilter(open_time)
    ) AS c
    LEFT JOIN
    (
        SELECT symbol, not_trading_since
        FROM symbols_now
        WHERE not_trading_since IS NOT NULL
    ) AS s ON c.symbol = s.symbol
    WHERE close_time <= until
    GROUP BY time, symbol, until
)
ORDER BY time, symbol
