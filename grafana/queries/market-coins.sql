-- The newest CoinGecko figures of each coin, in US dollars.
SELECT
    argMax(rank, fetched_time) AS rank,
    argMax(name, fetched_time) AS coin,
    toFloat64(argMax(price, fetched_time)) AS price,
    toFloat64(argMax(market_cap, fetched_time)) AS capitalisation,
    toFloat64(argMax(change_24h, fetched_time)) / 100 AS `24 h`,
    toFloat64(argMax(volume_24h, fetched_time)) AS volume,
    volume / nullIf(capitalisation, 0) AS turnover,
    toFloat64(argMax(ath_change, fetched_time)) / 100 AS `below its high`
FROM coins
WHERE fetched_time >= $__toTime - INTERVAL 1 DAY AND fetched_time <= $__toTime
GROUP BY coin_id
ORDER BY isNull(rank), rank, coin
