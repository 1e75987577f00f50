SELECT toFloat64(count()) AS mismatches
FROM audit
WHERE result = 'mismatch' AND interval IN ('1m', '15m') AND $__timeFilter(open_time)
