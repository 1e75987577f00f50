-- Share of outcomes inside the 90 % interval; at least four hours a point.
SELECT
    toStartOfInterval(open_time, toIntervalSecond(greatest(14400, $__interval_s))) AS time,
    toString(model) AS name,
    avg(covered_90) AS coverage
FROM scores FINAL
WHERE $__conditionalAll(symbol IN (${symbol:singlequote}), $symbol) AND $__timeFilter(open_time)
GROUP BY time, name
HAVING $__conditionalAll(name IN (${model:singlequote}), $model)
ORDER BY time, name
