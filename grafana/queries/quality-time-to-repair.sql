SELECT noticed AS time, symbol, took
FROM
(
    SELECT
        symbol,
        min(noticed_time) AS noticed,
        dateDiff('millisecond', noticed, maxIf(changed_time, state = 'repaired')) / 1000 AS took
    FROM gaps
    WHERE $__timeFilter(noticed_time)
    GROUP BY symbol, era, first_agg_id, last_agg_id
    HAVING countIf(state = 'repaired') > 0
)
ORDER BY time, symbol
