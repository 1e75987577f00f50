-- Number of symbols whose open candle moves but has had no prediction for three minutes; each minute brings one.
SELECT toFloat64(count()) AS value
FROM
(
    SELECT symbol
    FROM candles_live
    WHERE interval = '15m' AND close_time > $__toTime AND open_time <= $__toTime
    GROUP BY symbol
)
WHERE symbol NOT IN
(
    SELECT symbol
    FROM predictions
    WHERE interval = '15m' AND close_time > $__toTime AND open_time >= $__toTime - INTERVAL 15 MINUTE
        AND issued_time >= $__toTime - INTERVAL 3 MINUTE
)
