-- Whole steps only: a part of one would look like a fall.
WITH toIntervalSecond(greatest(30, $__interval_s)) AS step
SELECT
    time,
    topic,
    greatest(0, newest - lagInFrame(newest) OVER w) / dateDiff('second', lagInFrame(time) OVER w, time) AS records
FROM
(
    SELECT
        toStartOfInterval(measured_time, step) AS time,
        replaceRegexpOne(toString(of), '[.]v1$', '') AS topic,
        max(value) AS newest
    FROM pipeline_measures
    WHERE measure = 'end' AND of LIKE '%.v%' AND $__timeFilter(measured_time) AND measured_time < toStartOfInterval($__toTime, step)
    GROUP BY time, topic
)
WINDOW w AS (PARTITION BY topic ORDER BY time ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
QUALIFY row_number() OVER (PARTITION BY topic ORDER BY time) > 1
ORDER BY time, topic
