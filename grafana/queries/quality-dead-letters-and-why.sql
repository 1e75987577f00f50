SELECT
    max(letter_time) AS newest,
    if(origin_topic = '', 'unknown', toString(origin_topic)) AS topic,
    reason,
    toFloat64(uniqExact(origin_topic, origin_partition, origin_offset, if(origin_topic = '', (partition, offset), (-1, -1)))) AS records
FROM dead_letters
WHERE $__timeFilter(letter_time)
GROUP BY topic, reason
ORDER BY newest DESC
LIMIT 200
