-- Models that answered lately, after the choice of the champion.
SELECT name
FROM
(
    SELECT 'champion' AS name, 0 AS place
    UNION DISTINCT
    SELECT DISTINCT toString(model) AS name, 1 AS place
    FROM scores
    WHERE open_time >= $__toTime - INTERVAL 7 DAY
)
ORDER BY place, name
