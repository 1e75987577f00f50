-- Whole candles as a share of the 15m candles expected since each symbol's first in the time range. They are expected
-- until a minute ago, or until the end of the candle in which trading of the symbol ended.
WITH ifNull(toStartOfInterval(not_trading_since, INTERVAL 15 MINUTE) + INTERVAL 15 MINUTE, $__toTime) AS ended
SELECT sum(held) / sum(expected) AS complete
FROM
(
    SELECT
        least(ended, $__toTime - INTERVAL 1 MINUTE) AS until,
        countIf(status != 'gapped') AS held,
        intDiv(dateDiff('second', min(open_time), until), 900) AS expected
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
    GROUP BY c.symbol, until
    HAVING expected > 0
)
HAVING count() > 0
