SELECT toFloat64(uniqExact(origin_topic, origin_partition, origin_offset, if(origin_topic = '', (partition, offset), (-1, -1)))) AS letters
FROM dead_letters
WHERE $__timeFilter(letter_time)
