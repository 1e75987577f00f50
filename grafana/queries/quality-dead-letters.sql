SELECT toFloat64(uniqExact(partition, offset)) AS letters
FROM dead_letters
WHERE $__timeFilter(letter_time)
