SELECT measured_time AS time, max(value) AS up
FROM pipeline_measures
WHERE measure = 'uptime' AND measured_time >= $__toTime - INTERVAL 1 HOUR AND measured_time <= $__toTime
GROUP BY time
ORDER BY time
