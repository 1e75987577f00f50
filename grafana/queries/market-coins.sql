-- The newest CoinGecko figures of each coin, in US dollars; a figure that it gives no more is empty.
SELECT
    rank,
    name AS coin,
    toFloat64(c.price) AS price,
    toFloat64(market_cap) AS capitalisation,
    toFloat64(change_24h) / 100 AS `24 h`,
    toFloat64(volume_24h) AS volume,
    volume / nullIf(capitalisation, 0) AS turnover,
    toFloat64(ath_change) / 100 AS `below its high`
FROM
(
    SELECT *
    FROM coins
    WHERE fetched_time >= $__toTime - INTERVAL 1 DAY AND fetched_time <= $__toTime
    ORDER BY coin_id, fetched_time DESC
    LIMIT 1 BY coin_id
) AS c
ORDER BY isNull(rank), rank, coin
