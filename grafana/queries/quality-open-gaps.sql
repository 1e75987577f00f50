SELECT toFloat64(countIf(state = 'found')) AS open
FROM
(
    SELECT argMax(state, (changed_time, state != 'found')) AS state
    FROM gaps
    WHERE noticed_time <= $__toTime
    GROUP BY symbol, first_agg_id, last_agg_id
)
