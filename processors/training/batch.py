"""Train a batch model: in order of time, with an embargo, never shuffled.

The last fifth of the range is held out, after an embargo. It chooses the number of rounds and
measures the skill; then the model is fitted to the whole range. A point is kept only if its skill
on the holdout is more than chance.

The trees of the variance learn the log of a mean: of the variance until the close and of the
squared move to the close, by which an interval is judged. The variance alone does not tell whether
the moves of single minutes add up or cancel out; the move alone is a noisy teacher.

Source: López de Prado, "Advances in Financial Machine Learning" (2018), chapter 7 (embargo).
"""

from dataclasses import dataclass
from importlib.metadata import version as version_of

import numpy as np
from numpy.typing import NDArray

from processors.features.detail import DETAIL_HASH
from processors.features.features import CENTRE, VOLATILITY
from processors.models.artefact import FORMAT, Metadata, UnusableArtefact, sha256_of
from processors.models.batch import INPUTS, POINT_FILE, VARIANCE_FILE, Batch
from processors.models.scale import TARGET_FLOOR
from processors.significance import skill_with_error
from processors.training.dataset import Floats, Rows, Table
from processors.training.growing import SEED, Lesson, choose_rounds, grow
from schemas.timeframe import DAY_MS

EMBARGO_MS = 4 * 3_600_000  # sixteen candles: far longer than the span of one label
HELD_OUT = 0.2
FEWEST_ROWS = 2_000
FEWEST_DAYS = 7
CERTAINTY = 2.0  # standard errors
MOVE_SHARE = 0.6  # of the squared move in the target of the variance
_VOLATILITY = INPUTS.index(VOLATILITY)


@dataclass(frozen=True, slots=True)
class Training:
    """What to train: the kind of model, the symbols, and the range ``[from_ms, until_ms)``."""

    model: str
    symbols: tuple[str, ...]
    from_ms: int
    until_ms: int


def train(training: Training, table: Rows) -> tuple[Batch, dict[str, str]]:
    """Return the model and the files of its artefact; the same table gives the same files.

    Raises:
        UnusableArtefact: There is too little data to train on.
    """
    known = known_of(training, table)
    fit, held = split_of(table, known)
    rounds, variance_skill = _choose(
        training.model, (fit, variance_target(fit)), (held, variance_target(held))
    )
    point_rounds, point_skill = _choose(training.model, (fit, fit.moved), (held, held.moved))
    held_rows = len(held)
    del fit, held  # frees memory: the table is large and is copied once more
    data = table.where(known)
    files = {
        VARIANCE_FILE: grow(training.model, Lesson(data.inputs, variance_target(data)), rounds)
    }
    if point_skill[0] > CERTAINTY * point_skill[1]:
        files[POINT_FILE] = grow(training.model, Lesson(data.inputs, data.moved), point_rounds)
    holdout = {
        "rows": float(held_rows),
        "log_variance_skill": variance_skill[0],
        "point_skill": point_skill[0],
        "point_skill_standard_error": point_skill[1],
    }
    hashes = {name: sha256_of(text) for name, text in files.items()}
    libraries = {name: version_of(name) for name in ("scikit-learn", "numpy")}
    metadata = metadata_of(
        training, data, rounds, holdout, hashes, features=DETAIL_HASH, libraries=libraries
    )
    return Batch(metadata, files[VARIANCE_FILE], files.get(POINT_FILE)), files


def variance_target(table: Table) -> Floats:
    """Return what the trees of the variance learn; on average it is the log variance's excess.

    The mean difference is taken out for each number of minutes left, because the log of a single
    squared move is far lower than that of a variance, and the blend mixes the answers of models.
    """
    floor = TARGET_FLOOR * np.exp(CENTRE - table.inputs[:, _VOLATILITY])
    variance, move = np.exp(table.excess), table.moved**2 + floor
    target = np.log((1 - MOVE_SHARE) * variance + MOVE_SHARE * move)
    minutes = table.inputs[:, 0].astype(np.intp)
    counts = np.maximum(np.bincount(minutes), 1)
    lower = np.bincount(minutes, target - table.excess) / counts
    return target - lower[minutes]


def known_of(training: Training, table: Rows) -> NDArray[np.bool_]:
    """Return a mask of the rows that end an embargo before the range does.

    Raises:
        UnusableArtefact: They are too few to train on.
    """
    known = table.open_ms < training.until_ms - EMBARGO_MS
    _check_enough(training, table.open_ms[known])
    return known


def split_of(table: Rows, known: NDArray[np.bool_]) -> tuple[Table, Table]:
    """Return the rows to fit, and the held-out rows: the last fifth, after an embargo."""
    times = table.open_ms[known]
    held_from = int(times.max() - HELD_OUT * np.ptp(times))
    fit = table.where(known & (table.open_ms < held_from - EMBARGO_MS))
    return fit, table.where(known & (table.open_ms >= held_from))


def _check_enough(training: Training, times: NDArray[np.int64]) -> None:
    days = np.ptp(times) / DAY_MS if len(times) else 0.0
    if len(times) < FEWEST_ROWS or days < FEWEST_DAYS:
        raise UnusableArtefact(
            f"too little to train {training.model} on: {len(times)} questions over "
            f"{days:.1f} days; it needs {FEWEST_ROWS} over {FEWEST_DAYS} days"
        )


def _choose(
    model: str, fit: tuple[Table, Floats], held: tuple[Table, Floats]
) -> tuple[int, tuple[float, float]]:
    rounds, predicted = choose_rounds(
        model, Lesson(fit[0].inputs, fit[1]), Lesson(held[0].inputs, held[1])
    )
    return rounds, holdout_skill(held[0], held[1], predicted)


def holdout_skill(held: Table, actual: Floats, predicted: Floats) -> tuple[float, float]:
    """Return the skill against predicting zero, and its standard error, by candle."""
    _, candle = np.unique(held.open_ms, return_inverse=True)
    # The questions about a candle share its close: counted one by one they would overstate proof.
    losses = np.bincount(candle, (actual - predicted) ** 2)
    return skill_with_error(losses.astype(float), np.bincount(candle, actual**2).astype(float))


def metadata_of(
    training: Training,
    data: Table,
    rounds: int,
    holdout: dict[str, float],
    hashes: dict[str, str],
    *,
    features: str,
    libraries: dict[str, str],
) -> Metadata:
    """Return the metadata of a model that was fitted to ``data``."""
    return Metadata(
        format=FORMAT,
        model=training.model,
        version=sha256_of(repr((training, sorted(hashes.items()))))[:12],
        symbols=list(training.symbols),
        from_ms=max(training.from_ms, int(data.open_ms.min())),
        until_ms=training.until_ms,
        rows=len(data),
        rounds=rounds,
        features=features,
        code=version_of("candlewick"),
        libraries=libraries,
        seed=SEED,
        holdout=holdout,
        sha256=hashes,
    )
