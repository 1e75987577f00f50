-- Each symbol separately: no average over symbols. All of it is over the questions that the reference answered too.
-- They are joined by one number: with the four columns themselves it takes some three times as long.
SELECT
    symbol,
    name AS model,
    count() AS cases,
    1 - avg(s.pinball_bp) / nullIf(avg(r.pinball_bp), 0) AS `interval skill`,
    1 - avg(s.squared_error_bp2) / nullIf(avg(r.squared_error_bp2), 0) AS `point skill`,
    avg(s.covered_90) AS `in 90 %`,
    avg(s.covered_50) AS `in 50 %`,
    avg(s.width_90_bp) AS `90 % width`,
    avg(s.champion) AS spoke
FROM
(
    SELECT *, toString(model) AS name, cityHash64(symbol, interval, open_time, issued_time) AS question
    FROM scores FINAL
    WHERE $__conditionalAll(symbol IN (${symbol:singlequote}), $symbol) AND $__timeFilter(open_time)
        AND $__conditionalAll(model IN (${model:singlequote}), $model)
) AS s
INNER JOIN
(
    SELECT cityHash64(symbol, interval, open_time, issued_time) AS question, pinball_bp, squared_error_bp2
    FROM scores FINAL
    WHERE $__conditionalAll(symbol IN (${symbol:singlequote}), $symbol) AND $__timeFilter(open_time) AND model = 'reference'
) AS r USING (question)
GROUP BY symbol, name
ORDER BY symbol, `interval skill` DESC
