-- The newest prediction of each symbol's open candle, and its model.
SELECT
    symbol,
    argMax(toString(model), issued_time) AS `answered by`,
    toFloat64(argMax(price, issued_time)) AS predicted,
    (predicted / toFloat64(argMax(last_price, issued_time)) - 1) * 10000 AS move,
    toFloat64(argMax(high_90 - low_90, issued_time)) / predicted * 10000 AS `90 % width`,
    argMax(status, issued_time) AS state,
    dateDiff('second', max(issued_time), $__toTime) AS age
FROM predictions
WHERE interval = '15m' AND champion
    AND open_time >= $__toTime - INTERVAL 20 MINUTE AND issued_time <= $__toTime
GROUP BY symbol
ORDER BY symbol
