-- Processes that joined a consumer group after the first measurement of the time range.
SELECT toFloat64(countIf(joined > began)) AS restarts
FROM
(
    SELECT of, detail, min(measured_time) AS joined, min(joined) OVER (PARTITION BY of) AS began
    FROM pipeline_measures
    WHERE measure = 'member' AND $__timeFilter(measured_time)
    GROUP BY of, detail
)
