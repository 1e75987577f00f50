-- The newest prediction of the candle that is open at the end of the time range.
SELECT
    toFloat64(last_price) AS `last price`,
    toFloat64(price) AS `predicted close`,
    toFloat64(low_90) AS `90 % from`,
    toFloat64(high_90) AS `90 % to`,
    (toFloat64(price) / toFloat64(last_price) - 1) * 10000 AS `expected move`,
    greatest(0, dateDiff('second', $__toTime, close_time)) AS `closes in`
FROM predictions
WHERE symbol = ${symbol:singlequote} AND interval = '15m'
    AND open_time >= $__toTime - INTERVAL 20 MINUTE AND issued_time <= $__toTime AND close_time > $__toTime
    AND if(${model:singlequote} = 'champion', champion, model = ${model:singlequote})
ORDER BY issued_time DESC
LIMIT 1
