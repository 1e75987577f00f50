-- Smallest lag of each group in five minutes: a peak that has been worked off does not count.
SELECT toString(of) AS group, toString(detail) AS topic, min(value) AS value
FROM pipeline_measures
WHERE measure = 'lag' AND measured_time >= $__toTime - INTERVAL 5 MINUTE
GROUP BY group, topic
ORDER BY group, topic
