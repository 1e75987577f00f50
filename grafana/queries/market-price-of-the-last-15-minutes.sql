-- Trade by trade, by the second.
SELECT
    $__timeInterval(event_time) AS time,
    toFloat64(argMax(t.price, (era, agg_id))) AS price,
    sum(toFloat64(t.price) * toFloat64(quantity)) / sum(toFloat64(quantity)) AS average
FROM trades AS t
WHERE symbol = ${symbol:singlequote} AND $__timeFilter(event_time)
GROUP BY time
ORDER BY time
