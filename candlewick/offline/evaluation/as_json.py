"""The scoreboard of an evaluation as JSON. Times are UTC epoch milliseconds."""

from dataclasses import asdict
from math import isnan

import orjson

from candlewick.offline.evaluation.evaluate import Evaluation
from candlewick.offline.evaluation.past import Findings
from candlewick.offline.evaluation.symbol_run import SymbolResult
from processors.prediction.scoreboard import Calibration, Skill

Json = dict[str, object]


def evaluation_json(evaluation: Evaluation) -> str:
    """Return an evaluation as JSON; an unknown number is null."""
    body = {
        "symbols": {result.symbol: _symbol(result) for result in evaluation.symbols},
        "digest": evaluation.digest,
    }
    return orjson.dumps(body, option=orjson.OPT_INDENT_2).decode()


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
        "events": [asdict(event) for event in result.events],
        "digest": result.digest,
    }


def _findings(found: Findings) -> Json:
    return {
        "count": found.files,
        "candles_given_twice": found.twice,
        "not_in_order": found.disordered,
        "holes_ms": found.holes,
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
        "worst_week_ms": skill.days.worst_week_ms,
        "worst_week_improvement_percent": _known(skill.days.worst_week_pct),
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
