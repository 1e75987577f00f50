-- 1 - Brier score / Brier score of the reference, on the same candles; at least four hours a point.
SELECT time, name, 1 - loss / nullIf(maxIf(loss, name = 'reference') OVER (PARTITION BY time), 0) AS skill
FROM
(
    SELECT
        toStartOfInterval(open_time, toIntervalSecond(greatest(14400, $__interval_s))) AS time,
        toString(model) AS name,
        avg(assumeNotNull(brier)) AS loss
    FROM scores
    WHERE $__conditionalAll(symbol IN (${symbol:singlequote}), $symbol) AND $__timeFilter(open_time) AND brier IS NOT NULL
    GROUP BY time, name
)
QUALIFY name != 'reference' AND $__conditionalAll(name IN (${model:singlequote}), $model)
ORDER BY time, name
