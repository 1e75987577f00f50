"""The scoreboard of an evaluation as a row of JSON."""

from dataclasses import asdict
from math import isnan

from api.http.times import iso
from candlewick.offline.evaluation.evaluate import Evaluation
from candlewick.offline.evaluation.past import Findings
from candlewick.offline.evaluation.symbol_run import SymbolResult
from candlewick.terminal.json_lines import told
from candlewick.terminal.record_rows import version_row
from processors.prediction.chance_tally import ChanceSkill
from processors.prediction.scoreboard import Calibration, Skill

Json = dict[str, object]


def evaluation_row(evaluation: Evaluation) -> Json:
    """Return an evaluation as one row; an unknown number is null."""
    return {
        "symbols": {result.symbol: told(_symbol(result)) for result in evaluation.symbols},
        "digest": evaluation.digest,
    }


def _symbol(result: SymbolResult) -> Json:
    return {
        "interval": result.past.interval,
        "from_ms": result.past.from_ms,
        "reported_from_ms": result.reported_from_ms,
        "until_ms": result.past.until_ms,
        "candles": result.past.count,
        "files": _findings(result.past.findings),
        "predictions": result.predictions,
        "champion": result.champion,
        "models": {skill.model: _skill(skill) for skill in result.skills},
        "months": {
            month: {skill.model: _skill(skill) for skill in skills}
            for month, skills in result.months.items()
        },
        "following_the_chance": [asdict(earned) for earned in result.earned],
        "events": [told(version_row(event)) for event in result.events],
        "digest": result.digest,
    }


def _findings(found: Findings) -> Json:
    return {
        "count": found.files,
        "candles_given_twice": found.twice,
        "not_in_order": found.disordered,
        "off_grid": found.off_grid,
        "impossible": found.impossible,
        "holes": [{"open_time": iso(start), "close_time": iso(end)} for start, end in found.holes],
        "missing_minutes": found.missing_minutes,
    }


def _skill(skill: Skill) -> Json:
    minutes, fifths = skill.by_minutes, skill.by_fifth
    return {
        "cases": skill.cases,
        "point_skill": _known(skill.point_skill),
        "point_skill_standard_error": _known(skill.point_skill_error),
        "pinball_improvement_percent": _known(skill.pinball_better_pct),
        "pinball_improvement_standard_error": _known(skill.pinball_better_error),
        "winkler_90_improvement_percent": _known(skill.winkler_better_pct),
        "winkler_50_improvement_percent": _known(skill.winkler_50_better_pct),
        "coverage_50": _known(skill.overall.coverage_50),
        "coverage_90": _known(skill.overall.coverage_90),
        "by_minutes_to_close": {str(m): _calibration(c) for m, c in minutes.items()},
        "by_volatility_fifth": [_calibration(c) for c in fifths],
        "days": skill.days.count,
        "days_worse": skill.days.worse,
        **told({"worst_week_ms": skill.days.worst_week_ms}),
        "worst_week_improvement_percent": _known(skill.days.worst_week_pct),
        "chance": _chance(skill.chance),
    }


def _chance(chance: ChanceSkill | None) -> Json | None:
    if chance is None:
        return None
    return {
        "cases": chance.cases,
        "share_up": chance.share_up,
        "brier": chance.brier,
        "log_loss": chance.log_loss,
        "brier_improvement_percent": _known(chance.brier_better_pct),
        "brier_improvement_standard_error": _known(chance.brier_better_error),
        "climatology_improvement_percent": _known(chance.climatology_better_pct),
        "reliability": chance.reliability,
        "resolution": chance.resolution,
        "uncertainty": chance.uncertainty,
        "by_tenth": [
            {"cases": t.cases, "chance": _known(t.chance), "share_up": _known(t.share_up)}
            for t in chance.tenths
        ],
        "brier_improvement_by_minutes_to_close": {
            str(minutes): _known(better) for minutes, better in chance.by_minutes.items()
        },
    }


def _calibration(calibration: Calibration) -> Json:
    return {
        "cases": calibration.cases,
        "coverage_50": _known(calibration.coverage_50),
        "coverage_90": _known(calibration.coverage_90),
        "width_50_bp": _known(calibration.width_50_bp),
        "width_90_bp": _known(calibration.width_90_bp),
    }


def _known(value: float) -> float | None:
    return None if isnan(value) else value
