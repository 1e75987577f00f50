SELECT
    concat(toString(toUInt8(round(minutes_to_close))), ' min') AS left,
    avgOrNullIf(absolute_error_bp, if(${model:singlequote} = 'champion', champion, model = ${model:singlequote})) AS chosen,
    avgOrNullIf(absolute_error_bp, model = 'reference') AS reference
FROM scores FINAL
WHERE symbol = ${symbol:singlequote} AND interval = '15m' AND $__timeFilter(open_time)
GROUP BY left
ORDER BY max(minutes_to_close) DESC
