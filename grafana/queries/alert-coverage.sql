-- Share of predictions whose 90 % interval contained the close, over the newest 500 candles of each symbol with that many.
-- At most 95 % where the interval is two price steps wide or less: one step narrower it would hold far less than 90 %.
SELECT s.symbol AS symbol, if(round(avg(width / step)) <= 2, least(avg(share), 0.95), avg(share)) AS value
FROM
(
    SELECT symbol, open_time, avg(covered_90) AS share, avg(width_90_bp * toFloat64(price)) / 10000 AS width
    FROM scores FINAL
    WHERE champion AND interval = '15m' AND open_time >= $__toTime - INTERVAL 14 DAY
    GROUP BY symbol, open_time
    ORDER BY symbol, open_time DESC
    LIMIT 500 BY symbol
) AS s
LEFT JOIN
(
    SELECT symbol, toFloat64(nullIf(tick, 0)) AS step
    FROM symbols_now
) AS n ON s.symbol = n.symbol
GROUP BY symbol
HAVING count() = 500
ORDER BY symbol
