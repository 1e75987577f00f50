"""Queries of skill: what predictions were worth beside the reference, and their reliability."""

from string import Template

# Scores with the keys that they may be grouped by.
_SCORES = """(SELECT *, toUInt8(round(minutes_to_close)) AS minutes,
        toString(toDate(open_time)) AS day, toUInt8(least(floor(chance_up * 10), 9)) AS tenth
    FROM scores FINAL WHERE $where AND $model)"""
# Averages of the model and of the reference, over the questions that both answered. Those of the
# chance are over the questions for which both knew the open. Its Brier score is decomposed by
# tenths, which adds up exactly only if all chances within a tenth are equal.
# Source: Murphy, "A new vector partition of the probability score", Journal of Applied Meteorology
# 12 (1973).
SKILL_SQL = Template(
    """
WITH isNotNull(s.brier) AND isNotNull(r.brier) AS has_chance,
    isNotNull(s.pinball_nine_bp) AND isNotNull(r.pinball_nine_bp) AS has_nine,
    sumMapIf([ifNull(s.tenth, 0)], [1.], [ifNull(s.chance_up, 0)],
        [toFloat64(ifNull(s.up, false))], has_chance) AS tenths
SELECT $keys, count() AS cases,
    1 - avg(s.squared_error_bp2) / nullIf(avg(r.squared_error_bp2), 0) AS point_skill,
    1 - avg(s.pinball_bp) / nullIf(avg(r.pinball_bp), 0) AS pinball_skill,
    avg(s.pinball_bp) AS pinball_bp, avg(r.pinball_bp) AS reference_pinball_bp,
    avgIf(s.pinball_nine_bp, has_nine) AS pinball_nine_bp,
    1 - avgIf(s.pinball_nine_bp, has_nine) / nullIf(avgIf(r.pinball_nine_bp, has_nine), 0)
        AS pinball_nine_skill,
    avg(s.absolute_error_bp) AS absolute_error_bp,
    avg(s.covered_50) AS coverage_50, avg(s.covered_90) AS coverage_90,
    avg(s.width_50_bp) AS width_50_bp, avg(s.width_90_bp) AS width_90_bp,
    countIf(has_chance) AS chance_cases, avgIf(s.up, has_chance) AS share_up,
    avgIf(s.brier, has_chance) AS brier, avgIf(s.log_loss, has_chance) AS log_loss,
    1 - brier / nullIf(avgIf(r.brier, has_chance), 0) AS brier_skill,
    1 - brier / nullIf(uncertainty, 0) AS climatology_skill,
    1 - log_loss / nullIf(avgIf(r.log_loss, has_chance), 0) AS log_loss_skill,
    arraySum((n, chance, up) -> pow(chance - up, 2) / n, tenths.2, tenths.3, tenths.4)
        / nullIf(chance_cases, 0) AS reliability,
    arraySum((n, up) -> n * pow(up / n - ifNull(share_up, 0), 2), tenths.2, tenths.4)
        / nullIf(chance_cases, 0) AS resolution,
    share_up * (1 - share_up) AS uncertainty
FROM _SCORES AS s
INNER JOIN (SELECT symbol, interval, open_time, issued_time, squared_error_bp2, pinball_bp,
        pinball_nine_bp, brier, log_loss
    FROM scores FINAL WHERE model = 'reference' AND $where) AS r
USING (symbol, interval, open_time, issued_time)
GROUP BY $keys ORDER BY $keys""".replace("_SCORES", _SCORES)
)
RELIABILITY_SQL = Template(
    """
SELECT $keys, assumeNotNull(tenth) AS tenth, count() AS cases,
    uniqExact(symbol, open_time) AS candles, avg(chance_up) AS mean_chance, avg(up) AS share_up
FROM _SCORES
WHERE isNotNull(chance_up) AND isNotNull(up)
GROUP BY $keys, tenth ORDER BY $keys, tenth""".replace("_SCORES", _SCORES)
)
