-- Sum over all groups and topics at each measurement.
SELECT measured_time AS time, sum(value) AS records
FROM pipeline_measures FINAL
WHERE measure = 'lag' AND measured_time >= $__toTime - INTERVAL 15 MINUTE AND measured_time <= $__toTime
GROUP BY time
ORDER BY time
