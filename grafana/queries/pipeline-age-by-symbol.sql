-- At least an hour for a followed symbol that is traded and had no trade for that long.
SELECT symbol, greatest(0, dateDiff('millisecond', max(newest), toDateTime64($__toTime, 3)) / 1000) AS age
FROM
(
    SELECT symbol, max(event_time) AS newest
    FROM trades
    WHERE event_time >= $__toTime - INTERVAL 1 HOUR AND event_time <= $__toTime
    GROUP BY symbol
    UNION ALL
    SELECT symbol, toDateTime64($__toTime - INTERVAL 1 HOUR, 3)
    FROM symbols_now
    WHERE is_followed AND status IN ('', 'TRADING')
)
GROUP BY symbol
ORDER BY age DESC
