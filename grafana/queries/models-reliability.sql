-- Share that closed up minus mean chance, by tenths of the chance; none below 30 cases. One column for each kind of model.
WITH model NOT IN ('reference', 'online', 'batch', 'forest', 'lstm', 'blend') AS is_own
SELECT
    (least(floor(chance_up * 10), 9) + 0.5) / 10 AS claimed,
    if(countIf(model = 'reference') < 30, NULL, avgIf(up - chance_up, model = 'reference')) AS reference,
    if(countIf(model = 'online') < 30, NULL, avgIf(up - chance_up, model = 'online')) AS online,
    if(countIf(model = 'batch') < 30, NULL, avgIf(up - chance_up, model = 'batch')) AS batch,
    if(countIf(model = 'forest') < 30, NULL, avgIf(up - chance_up, model = 'forest')) AS forest,
    if(countIf(model = 'lstm') < 30, NULL, avgIf(up - chance_up, model = 'lstm')) AS lstm,
    if(countIf(model = 'blend') < 30, NULL, avgIf(up - chance_up, model = 'blend')) AS blend,
    if(countIf(is_own) < 30, NULL, avgIf(up - chance_up, is_own)) AS own
FROM scores FINAL
WHERE $__conditionalAll(symbol IN (${symbol:singlequote}), $symbol) AND $__timeFilter(open_time)
    AND chance_up IS NOT NULL AND up IS NOT NULL
GROUP BY claimed
ORDER BY claimed
