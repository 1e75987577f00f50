"""Train the LSTM: in order of time, with an embargo, as `processors.training.batch` does.

The last fifth of the range is held out, after an embargo. It chooses the number of epochs and
measures the skill; then the network is fitted anew to the whole range. Only mini-batches inside the
fitted part are shuffled, with a fixed seed. A point is kept only if its skill on the holdout is
more than chance; otherwise the weights of that output are set to zero.

Keras and JAX are the extra ``lstm``; only `processors.training.lstm_keras` imports them.
"""

from collections.abc import Iterator
from importlib.metadata import version as version_of
from importlib.util import find_spec

import numpy as np

from processors.features.sequence import RECENT_HASH
from processors.models.artefact import sha256_of
from processors.models.lstm import WEIGHTS_FILE, Lstm
from processors.models.weights import Weights, text_of
from processors.training.batch import (
    CERTAINTY,
    Training,
    holdout_skill,
    known_of,
    metadata_of,
    split_of,
)
from processors.training.dataset import Rows, Table
from processors.training.lstm_keras import Fit, Numbers, weights_in
from schemas.errors import ConfigurationError, how_to_add

MOST_EPOCHS = 12
PATIENCE = 3


def check_installed() -> None:
    """Check that Keras and JAX are installed.

    Raises:
        ConfigurationError: One of them is not installed.
    """
    if not all(find_spec(name) for name in ("keras", "jax")):
        raise ConfigurationError(
            f"training an lstm needs Keras and JAX, which are not installed: {how_to_add('lstm')}"
        )


def train_lstm(training: Training, table: Rows) -> tuple[Lstm, dict[str, str]]:
    """Return the model and the files of its artefact; the same table gives the same files.

    Args:
        training: Model, symbols and range.
        table: Training data with the inputs of `processors.models.lstm`.

    Raises:
        UnusableArtefact: There is too little data to train on.
        ConfigurationError: Keras or JAX is not installed.
    """
    check_installed()
    known = known_of(training, table)
    epochs, holdout = _chosen(*split_of(table, known))
    data = table.where(known)
    believed = holdout["point_skill"] > CERTAINTY * holdout["point_skill_standard_error"]
    weights = _fitted(data, epochs)
    if not believed:
        weights["out"][:, 1] = weights["out_bias"][1] = 0.0
    files = {WEIGHTS_FILE: text_of(weights)}
    libraries = {name: version_of(name) for name in ("jax", "keras", "numpy")}
    hashes = {name: sha256_of(text) for name, text in files.items()}
    metadata = metadata_of(
        training, data, epochs, holdout, hashes, features=RECENT_HASH, libraries=libraries
    )
    return Lstm(metadata, files[WEIGHTS_FILE]), files


def _chosen(fit: Table, held: Table) -> tuple[int, dict[str, float]]:
    best, epochs, answers = np.inf, 0, np.zeros((len(held), 2), np.float32)
    for epoch, found in enumerate(_answers(fit, held), 1):
        error = float(np.mean((held.excess - found[:, 0]) ** 2))
        if error < best:
            best, epochs, answers = error, epoch, found
        elif epoch >= epochs + PATIENCE:
            break
    variance_skill, _ = holdout_skill(held, held.excess, answers[:, 0].astype(float))
    point_skill, error = holdout_skill(held, held.moved, answers[:, 1].astype(float))
    return epochs, {
        "rows": float(len(held)),
        "log_variance_skill": variance_skill,
        "point_skill": point_skill,
        "point_skill_standard_error": error,
    }


def _answers(fit: Table, held: Table) -> Iterator[Numbers]:
    under_way = Fit(fit)
    for _ in range(MOST_EPOCHS):
        under_way.epoch()
        yield under_way.predict(held)


def _fitted(data: Table, epochs: int) -> Weights:
    under_way = Fit(data)
    for _ in range(epochs):
        under_way.epoch()
    return weights_in(under_way.model, under_way.mean, under_way.spread)
