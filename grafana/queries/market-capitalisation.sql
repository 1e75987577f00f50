SELECT upper(ticker) AS coin, toFloat64(market_cap) AS capitalisation
FROM
(
    SELECT ticker, market_cap
    FROM coins
    WHERE fetched_time >= $__toTime - INTERVAL 1 DAY AND fetched_time <= $__toTime
    ORDER BY coin_id, fetched_time DESC
    LIMIT 1 BY coin_id
)
WHERE capitalisation > 0
ORDER BY capitalisation DESC
LIMIT 12
