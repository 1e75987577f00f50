SELECT toFloat64(countIf(state = 'found')) AS open
FROM
(
    SELECT argMax(state, (state = 'repaired', state = 'given-up', changed_time)) AS state
    FROM gaps AS g
    WHERE g.state != 'new-era' AND noticed_time <= $__toTime
    GROUP BY symbol, era, first_agg_id, last_agg_id
)
