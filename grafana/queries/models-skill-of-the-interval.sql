-- 1 - error(model) / error(reference), on the questions that both answered; at least four hours a point.
-- They are joined by one number: with the four columns themselves it takes longer.
SELECT
    toStartOfInterval(open_time, toIntervalSecond(greatest(14400, $__interval_s))) AS time,
    name,
    1 - avg(s.loss) / nullIf(avg(r.loss), 0) AS skill
FROM
(
    SELECT open_time, toString(model) AS name, cityHash64(symbol, interval, open_time, issued_time) AS question, pinball_bp AS loss
    FROM scores FINAL
    WHERE $__conditionalAll(symbol IN (${symbol:singlequote}), $symbol) AND $__timeFilter(open_time)
        AND model != 'reference' AND $__conditionalAll(model IN (${model:singlequote}), $model)
) AS s
INNER JOIN
(
    SELECT cityHash64(symbol, interval, open_time, issued_time) AS question, pinball_bp AS loss
    FROM scores FINAL
    WHERE $__conditionalAll(symbol IN (${symbol:singlequote}), $symbol) AND $__timeFilter(open_time)
        AND model = 'reference'
) AS r USING (question)
GROUP BY time, name
ORDER BY time, name
