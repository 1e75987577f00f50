-- Candles of the last day that differ from the exchange's own.
SELECT toFloat64(count()) AS value
FROM audit
WHERE result = 'mismatch' AND interval IN ('1m', '15m') AND open_time >= $__toTime - INTERVAL 1 DAY
