-- One column a kind of model: a panel over numbers wants them side by side.
SELECT
    toFloat64(round(minutes_to_close)) AS minutes,
    avgOrNullIf(covered_90, model = 'reference') AS reference,
    avgOrNullIf(covered_90, model = 'online') AS online,
    avgOrNullIf(covered_90, model = 'batch') AS batch,
    avgOrNullIf(covered_90, model = 'forest') AS forest,
    avgOrNullIf(covered_90, model = 'blend') AS blend
FROM scores
WHERE $__conditionalAll(symbol IN (${symbol:singlequote}), $symbol) AND $__timeFilter(open_time)
GROUP BY minutes
ORDER BY minutes
