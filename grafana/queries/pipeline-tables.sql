SELECT
    of AS name,
    argMaxIf(value, measured_time, measure = 'rows') AS rows,
    argMaxIf(value, measured_time, measure = 'bytes') AS bytes,
    argMaxIf(value, measured_time, measure = 'parts') AS parts
FROM pipeline_measures
WHERE measure IN ('rows', 'bytes', 'parts')
    AND measured_time >= $__toTime - INTERVAL 15 MINUTE AND measured_time <= $__toTime
GROUP BY name
ORDER BY bytes DESC
