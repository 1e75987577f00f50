-- The first prediction of each candle and its outcome, the newest candle first.
SELECT
    open_time AS candle,
    argMax(toString(model), minutes_to_close) AS `answered by`,
    toFloat64(argMax(price, minutes_to_close)) AS predicted,
    toFloat64(argMax(outcome, minutes_to_close)) AS closed,
    argMax(error_bp, minutes_to_close) AS error,
    argMax(width_90_bp, minutes_to_close) AS `90 % width`,
    argMax(if(covered_50, '50 %', if(covered_90, '90 %', 'outside')), minutes_to_close) AS inside
FROM scores
WHERE symbol = ${symbol:singlequote} AND interval = '15m' AND $__timeFilter(open_time)
    AND if(${model:singlequote} = 'champion', champion, model = ${model:singlequote})
GROUP BY candle
ORDER BY candle DESC
LIMIT 200
