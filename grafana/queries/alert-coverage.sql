-- Share of predictions whose 90 % interval contained the close, over the newest 500 candles of each symbol with that many.
SELECT symbol, avg(share) AS value
FROM
(
    SELECT symbol, open_time, avg(covered_90) AS share
    FROM scores FINAL
    WHERE champion AND interval = '15m' AND open_time >= $__toTime - INTERVAL 14 DAY
    GROUP BY symbol, open_time
    ORDER BY symbol, open_time DESC
    LIMIT 500 BY symbol
)
GROUP BY symbol
HAVING count() = 500
ORDER BY symbol
