-- Days until the fullest disk of ClickHouse is full. Measured every ten minutes from what the tables have gained.
SELECT floor(argMax(value, measured_time), 1) AS value
FROM pipeline_measures
WHERE measure = 'disk_full_days' AND measured_time >= $__toTime - INTERVAL 1 HOUR
HAVING count() > 0
