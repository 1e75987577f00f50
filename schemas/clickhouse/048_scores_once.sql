-- A score that was sent again counted twice in these views until ClickHouse had merged its parts.
-- Skill against the reference, per symbol, model and UTC day: a day's averages beside those of the
-- reference on the same day. (The command `candlewick scoreboard` compares question by question.)
CREATE OR REPLACE VIEW scoreboard AS
SELECT
    symbol,
    model,
    day,
    cases,
    1 - squared_error / nullIf(maxIf(squared_error, model = 'reference') OVER of_day, 0) AS point_skill,
    1 - pinball / nullIf(maxIf(pinball, model = 'reference') OVER of_day, 0) AS pinball_skill,
    1 - winkler_90 / nullIf(maxIf(winkler_90, model = 'reference') OVER of_day, 0) AS winkler_90_skill,
    coverage_50,
    coverage_90,
    width_50_bp,
    width_90_bp,
    champion_share
FROM
(
    SELECT
        symbol,
        model,
        toDate(open_time) AS day,
        count() AS cases,
        avg(squared_error_bp2) AS squared_error,
        avg(pinball_bp) AS pinball,
        avg(winkler_90_bp) AS winkler_90,
        avg(covered_50) AS coverage_50,
        avg(covered_90) AS coverage_90,
        avg(width_50_bp) AS width_50_bp,
        avg(width_90_bp) AS width_90_bp,
        avg(champion) AS champion_share
    FROM scores FINAL
    GROUP BY symbol, model, day
)
WINDOW of_day AS (PARTITION BY symbol, day);

-- Coverage and width by minutes to close.
CREATE OR REPLACE VIEW calibration AS
SELECT
    symbol,
    model,
    toDate(open_time) AS day,
    toUInt8(round(minutes_to_close)) AS minutes,
    count() AS cases,
    avg(covered_50) AS coverage_50,
    avg(covered_90) AS coverage_90,
    avg(width_50_bp) AS width_50_bp,
    avg(width_90_bp) AS width_90_bp
FROM scores FINAL
GROUP BY symbol, model, day, minutes;
