SELECT
    max(letter_time) AS newest,
    if(origin_topic = '', 'unknown', toString(origin_topic)) AS topic,
    reason,
    toFloat64(uniqExact(partition, offset)) AS records
FROM dead_letters
WHERE $__timeFilter(letter_time)
GROUP BY topic, reason
ORDER BY newest DESC
LIMIT 200
