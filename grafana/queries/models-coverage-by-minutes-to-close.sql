-- One column for each kind of model, because a trend panel needs them side by side. None below 30 cases.
WITH model NOT IN ('reference', 'online', 'batch', 'forest', 'lstm', 'blend') AS is_own
SELECT
    toFloat64(round(minutes_to_close)) AS minutes,
    if(countIf(model = 'reference') < 30, NULL, avgIf(covered_90, model = 'reference')) AS reference,
    if(countIf(model = 'online') < 30, NULL, avgIf(covered_90, model = 'online')) AS online,
    if(countIf(model = 'batch') < 30, NULL, avgIf(covered_90, model = 'batch')) AS batch,
    if(countIf(model = 'forest') < 30, NULL, avgIf(covered_90, model = 'forest')) AS forest,
    if(countIf(model = 'lstm') < 30, NULL, avgIf(covered_90, model = 'lstm')) AS lstm,
    if(countIf(model = 'blend') < 30, NULL, avgIf(covered_90, model = 'blend')) AS blend,
    if(countIf(is_own) < 30, NULL, avgIf(covered_90, is_own)) AS own
FROM scores FINAL
WHERE $__conditionalAll(symbol IN (${symbol:singlequote}), $symbol) AND $__timeFilter(open_time)
GROUP BY minutes
ORDER BY minutes
