SELECT
    upper(argMax(ticker, fetched_time)) AS coin,
    toFloat64(argMax(market_cap, fetched_time)) AS capitalisation
FROM coins
WHERE fetched_time >= $__toTime - INTERVAL 1 DAY AND fetched_time <= $__toTime
GROUP BY coin_id
HAVING capitalisation > 0
ORDER BY capitalisation DESC
LIMIT 12
