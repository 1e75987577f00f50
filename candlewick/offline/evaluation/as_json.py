"""The scoreboard of an evaluation as JSON. Times are UTC epoch milliseconds."""

from dataclasses import asdict
from math import isnan

import orjson

from candlewick.offline.evaluation.evaluate import Evaluation, SymbolResult
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
        "interval": result.interval,
        "from_ms": result.from_ms,
        "reported_from_ms": result.reported_from_ms,
        "until_ms": result.until_ms,
        "predictions": result.predictions,
        "champion": result.champion,
        "models": {skill.model: _skill(skill) for skill in result.skills},
        "events": [asdict(event) for event in result.events],
        "digest": result.digest,
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
