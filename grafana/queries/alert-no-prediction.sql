-- Number of symbols whose open candle moves but has had no prediction for three minutes; each minute brings one. None is
-- due for a symbol with less than 15 closed minutes, as one that is new at the exchange.
SELECT toFloat64(count()) AS value
FROM
(
    SELECT symbol
    FROM candles_live
    WHERE interval = '15m' AND close_time > $__toTime AND open_time <= $__toTime
    GROUP BY symbol
)
WHERE symbol IN
(
    SELECT symbol
    FROM candles_ranked
    WHERE interval = '1m' AND open_time >= $__toTime - INTERVAL 1 DAY AND open_time <= $__toTime
    GROUP BY symbol
    HAVING uniqExact(open_time) > 15
)
AND symbol NOT IN
(
    SELECT symbol
    FROM predictions
    WHERE interval = '15m' AND close_time > $__toTime AND open_time >= $__toTime - INTERVAL 15 MINUTE
        AND issued_time >= $__toTime - INTERVAL 3 MINUTE
)
