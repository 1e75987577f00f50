-- Skill of the champion over a day with at least 500 predictions, against the reference on the same ones.
SELECT symbol, 1 - sum(spoke) / nullIf(sum(reference), 0) AS value
FROM
(
    SELECT symbol, open_time, issued_time, avgIf(pinball_bp, champion) AS spoke, avgIf(pinball_bp, model = 'reference') AS reference
    FROM scores
    WHERE interval = '15m' AND open_time >= $__toTime - INTERVAL 1 DAY
    GROUP BY symbol, open_time, issued_time
    HAVING countIf(champion) > 0 AND countIf(model = 'reference') > 0
)
GROUP BY symbol
HAVING count() >= 500
ORDER BY symbol
