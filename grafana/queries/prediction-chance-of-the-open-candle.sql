-- Every chance of the candle that is open at the end of the time range; of the champion of the chance, if no model is chosen.
SELECT issued_time AS time, assumeNotNull(chance_up) AS `chance to close up`
FROM predictions
WHERE symbol = ${symbol:singlequote} AND interval = '15m' AND chance_up IS NOT NULL
    AND open_time > $__toTime - INTERVAL 15 MINUTE AND issued_time <= $__toTime
    AND if(${model:singlequote} = 'champion', chance_champion, model = ${model:singlequote})
ORDER BY time
LIMIT 1 BY time
