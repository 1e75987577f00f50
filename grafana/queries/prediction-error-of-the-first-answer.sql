-- The prediction one minute after the candle opened, between the edges of its 90 % interval.
SELECT
    open_time AS time,
    argMax(error_bp, minutes_to_close) AS error,
    argMax(width_90_bp, minutes_to_close) / 2 AS `half the 90 % band`,
    -`half the 90 % band` AS `minus half`
FROM scores
WHERE symbol = ${symbol:singlequote} AND interval = '15m' AND $__timeFilter(open_time)
    AND if(${model:singlequote} = 'champion', champion, model = ${model:singlequote})
GROUP BY time
ORDER BY time
