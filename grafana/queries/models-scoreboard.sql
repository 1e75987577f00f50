-- Each symbol separately: no average over symbols.
SELECT
    symbol,
    name AS model,
    cases,
    1 - loss / nullIf(maxIf(loss, name = 'reference') OVER (PARTITION BY symbol), 0) AS `interval skill`,
    1 - squared / nullIf(maxIf(squared, name = 'reference') OVER (PARTITION BY symbol), 0) AS `point skill`,
    coverage_90 AS `in 90 %`,
    coverage_50 AS `in 50 %`,
    width AS `90 % width`,
    spoke
FROM
(
    SELECT
        symbol,
        toString(model) AS name,
        count() AS cases,
        avg(pinball_bp) AS loss,
        avg(squared_error_bp2) AS squared,
        avg(covered_90) AS coverage_90,
        avg(covered_50) AS coverage_50,
        avg(width_90_bp) AS width,
        avg(champion) AS spoke
    FROM scores
    WHERE $__conditionalAll(symbol IN (${symbol:singlequote}), $symbol) AND $__timeFilter(open_time)
    GROUP BY symbol, name
)
QUALIFY $__conditionalAll(name IN (${model:singlequote}), $model)
ORDER BY symbol, `interval skill` DESC
