-- Who was answering lately, and first of all whoever speaks.
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
