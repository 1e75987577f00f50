SELECT
    $__timeInterval(measured_time) AS time,
    of AS disk,
    minIf(value, measure = 'disk_free') AS free
FROM pipeline_measures
WHERE measure = 'disk_free' AND $__timeFilter(measured_time)
GROUP BY time, disk
ORDER BY time, disk
