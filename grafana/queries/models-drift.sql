-- Number of times that a model's residuals changed.
SELECT
    toStartOfInterval(event_time, toIntervalSecond(greatest(3600, $__interval_s))) AS time,
    toString(symbol) AS whose,
    toFloat64(uniqExact(model, version, event_time)) AS drifts
FROM model_versions
WHERE event = 'drift' AND $__timeFilter(event_time) AND (symbol = '' OR $__conditionalAll(symbol IN (${symbol:singlequote}), $symbol))
GROUP BY time, whose
ORDER BY time, whose
