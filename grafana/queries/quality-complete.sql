-- Whole candles as a share of the 15m candles expected since each symbol's first in the time range.
SELECT sum(held) / sum(expected) AS complete
FROM
(
    SELECT
        countIf(status != 'gapped') AS held,
        intDiv(dateDiff('second', min(open_time), toDateTime64($__toTime, 3)) - 60, 900) AS expected
    FROM candles_15m
    WHERE $__timeFilter(open_time) AND close_time <= $__toTime - INTERVAL 1 MINUTE
    GROUP BY symbol
    HAVING expected > 0
)
HAVING count() > 0
