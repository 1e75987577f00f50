SELECT argMaxIf(value, measured_time, measure = 'disk_free') / argMaxIf(value, measured_time, measure = 'disk_total') AS free
FROM pipeline_measures
WHERE measure IN ('disk_free', 'disk_total')
    AND measured_time >= $__toTime - INTERVAL 15 MINUTE AND measured_time <= $__toTime
GROUP BY of
ORDER BY free
LIMIT 1
