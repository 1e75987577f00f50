SELECT
    issued_time AS time,
    toFloat64(last_price) AS `last price`,
    toFloat64(price) AS predicted,
    toFloat64(low_50) AS `50 % from`,
    toFloat64(high_50) AS `50 % to`,
    toFloat64(low_90) AS `90 % from`,
    toFloat64(high_90) AS `90 % to`
FROM predictions
WHERE symbol = ${symbol:singlequote} AND interval = '15m'
    AND open_time > $__toTime - INTERVAL 15 MINUTE AND issued_time <= $__toTime
    AND if(${model:singlequote} = 'champion', champion, model = ${model:singlequote})
ORDER BY time
LIMIT 1 BY time
