-- Share of outcomes inside each interval; the names of the columns are the promised shares.
SELECT
    toString(model) AS name,
    avg(covered_50) AS `promised 50 %`,
    avg(covered_90) AS `promised 90 %`
FROM scores FINAL
WHERE $__conditionalAll(symbol IN (${symbol:singlequote}), $symbol) AND $__timeFilter(open_time)
GROUP BY name
HAVING $__conditionalAll(name IN (${model:singlequote}), $model)
ORDER BY name
