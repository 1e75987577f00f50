-- The largest distance between claimed and happened, of the tenths of the chance with at least 500 cases in two weeks.
-- Zero where chance explains it: within three standard errors, counted in candles because all cases of one share its outcome.
SELECT symbol, max(if(distance > 3 * sqrt(claimed * (1 - claimed) / candles), distance, 0)) AS value
FROM
(
    SELECT
        symbol,
        least(floor(assumeNotNull(chance_up) * 10), 9) AS tenth,
        avg(assumeNotNull(chance_up)) AS claimed,
        abs(avg(assumeNotNull(up)) - claimed) AS distance,
        uniqExact(open_time) AS candles
    FROM scores FINAL
    WHERE chance_champion AND chance_up IS NOT NULL AND up IS NOT NULL AND interval = '15m'
        AND open_time >= $__toTime - INTERVAL 14 DAY
    GROUP BY symbol, tenth
    HAVING count() >= 500
)
GROUP BY symbol
ORDER BY symbol
