-- Free share of each disk of ClickHouse.
SELECT toString(of) AS disk,
    argMaxIf(value, measured_time, measure = 'disk_free') / argMaxIf(value, measured_time, measure = 'disk_total') AS value
FROM pipeline_measures
WHERE measure IN ('disk_free', 'disk_total') AND measured_time >= $__toTime - INTERVAL 5 MINUTE
GROUP BY disk
ORDER BY disk
