-- The newest prediction of each symbol's open candle, its model, and the chance by the champion of the chance.
SELECT
    symbol,
    argMaxIf(toString(model), issued_time, champion) AS `answered by`,
    toFloat64(argMaxIf(price, issued_time, champion)) AS predicted,
    (predicted / toFloat64(argMaxIf(last_price, issued_time, champion)) - 1) * 10000 AS move,
    toFloat64(argMaxIf(high_90 - low_90, issued_time, champion)) / predicted * 10000 AS `90 % width`,
    argMaxIf(tuple(chance_up), issued_time, chance_champion).1 AS up,
    argMaxIf(status, issued_time, champion) AS state,
    dateDiff('second', maxIf(issued_time, champion), $__toTime) AS age
FROM predictions
WHERE interval = '15m' AND (champion OR chance_champion)
    AND open_time >= $__toTime - INTERVAL 20 MINUTE AND issued_time <= $__toTime AND close_time > $__toTime
GROUP BY symbol
HAVING countIf(champion) > 0
ORDER BY symbol
