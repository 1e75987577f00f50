SELECT $__timeInterval(measured_time) AS time, concat(replaceOne(of, 'candlewick-', ''), ' · ', replaceRegexpOne(toString(detail), '[.]v1$', '')) AS reader, max(value) AS records
FROM pipeline_measures
WHERE measure = 'lag' AND $__timeFilter(measured_time)
GROUP BY time, reader
ORDER BY time, reader
