-- One row for each minute of the candle, from its first prediction to the last: 1 inside, 0 outside.
SELECT
    open_time AS time,
    concat(leftPad(toString(toUInt8(round(minutes_to_close))), 2, ' '), ' min') AS left,
    toFloat64(max(covered_90)) AS inside
FROM scores
WHERE symbol = ${symbol:singlequote} AND interval = '15m' AND $__timeFilter(open_time)
    AND if(${model:singlequote} = 'champion', champion, model = ${model:singlequote})
GROUP BY time, left
ORDER BY time, left DESC
