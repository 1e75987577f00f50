-- Gaps noticed in the last day, more than five minutes ago, whose trades are still missing.
SELECT toFloat64(countIf(state != 'repaired')) AS value
FROM
(
    SELECT argMax(state, (state = 'repaired', state = 'given-up', changed_time)) AS state
    FROM gaps AS g
    WHERE g.state != 'new-era' AND noticed_time >= $__toTime - INTERVAL 1 DAY AND noticed_time <= $__toTime - INTERVAL 5 MINUTE
    GROUP BY symbol, era, first_agg_id, last_agg_id
)
