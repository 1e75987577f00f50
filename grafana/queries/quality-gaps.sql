SELECT
    min(noticed_time) AS noticed,
    symbol,
    if(now = 'new-era', 0, last_agg_id - first_agg_id + 1) AS trades,
    argMax(state, (state = 'repaired', state = 'given-up', changed_time)) AS now,
    if(now = 'found', toFloat64(dateDiff('second', noticed, $__toTime)), dateDiff('millisecond', noticed, max(changed_time)) / 1000) AS took,
    argMax(reason, (state = 'repaired', state = 'given-up', changed_time)) AS why
FROM gaps
WHERE $__timeFilter(noticed_time)
GROUP BY symbol, era, first_agg_id, last_agg_id, state = 'new-era'
ORDER BY now != 'found', noticed DESC
LIMIT 200
