-- Each member of a consumer group when it was first seen; a restarted process is a new member.
SELECT min(measured_time) AS seen, replaceOne(toString(of), 'candlewick-', '') AS reader, substring(detail, 1, 20) AS member,
    dateDiff('second', seen, max(measured_time)) AS stayed
FROM pipeline_measures
WHERE measure = 'member' AND $__timeFilter(measured_time)
GROUP BY of, detail
ORDER BY seen DESC
LIMIT 50
