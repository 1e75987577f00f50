"""Train the LSTM: in order of time, with an embargo, as `processors.models.training` does.

The last fifth of the range, an embargo away, chooses how often the rest is gone through and says
what the model is worth; then the network is fitted anew to the whole range. Only mini-batches
inside the fitted part are mixed, with a seed. A point is kept only where its skill on the holdout
is more than chance; else the weights of that output are zero.

Keras and JAX are an extra, ``pip install 'candlewick[lstm]'``, and are imported here only.
"""

import os
from collections.abc import Iterator
from importlib.metadata import version as version_of
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from processors.lessons import Table
from processors.models.artefact import sha256_of
from processors.models.lstm import KNOWN_WIDTH, WEIGHTS_FILE, WIDEST, Lstm
from processors.models.training import (
    CERTAINTY,
    SEED,
    Training,
    holdout_skill,
    known_of,
    metadata_of,
    split_of,
)
from processors.models.weights import Weights, text_of
from processors.recent import CANDLES, CHANNELS, RECENT_HASH
from schemas.errors import ConfigurationError

if TYPE_CHECKING:
    import keras

Numbers = NDArray[np.float32]
UNITS = 16
HIDDEN = 16
MOST_EPOCHS = 12
PATIENCE = 3
BATCH = 256
LEARNING_RATE = 2e-3
IMPORTANCE = (1.0, 0.1)  # of log variance and point: what the point is to learn is nearly all noise
SMALLEST_SPREAD = 1e-6
_SETTINGS = {
    "KERAS_BACKEND": "jax",
    "JAX_PLATFORMS": "cpu",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",  # the same sums on any number of cores
}


def check_installed() -> None:
    """Check that what trains an LSTM is there.

    Raises:
        ConfigurationError: It is not.
    """
    if not all(find_spec(name) for name in ("keras", "jax")):
        raise ConfigurationError(
            "to train an lstm needs Keras and JAX, which are not installed: "
            "pip install 'candlewick[lstm]'"
        )


def train_lstm(training: Training, table: Table) -> tuple[Lstm, dict[str, str]]:
    """Return the model and the files of its artefact; the same table gives the same files.

    Args:
        training: What is trained.
        table: Its inputs are those of `processors.models.lstm`.

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


def network() -> "keras.Model":
    """Return Keras' network of candles and standardised features; it always begins the same."""
    os.environ.update(_SETTINGS)
    import keras  # noqa: PLC0415 - an extra, which takes seconds to import

    layers, start = keras.layers, keras.initializers.GlorotUniform(SEED)
    candles = keras.Input((CANDLES, len(CHANNELS)), dtype="float32")
    features = keras.Input((KNOWN_WIDTH,), dtype="float32")
    recurrent = keras.initializers.Orthogonal(seed=SEED)
    lstm = layers.LSTM(
        UNITS, kernel_initializer=start, recurrent_initializer=recurrent, name="lstm"
    )
    both = layers.Concatenate()([lstm(candles), features])
    hidden = layers.Dense(HIDDEN, "tanh", kernel_initializer=start, name="hidden")(both)
    out = layers.Dense(2, kernel_initializer=start, name="out")
    model = keras.Model([candles, features], out(layers.Concatenate()([both, hidden])))
    model.compile(keras.optimizers.Adam(LEARNING_RATE), _loss)
    return model


def weights_in(model: "keras.Model", mean: Numbers, spread: Numbers) -> Weights:
    """Return the weights by the names of `processors.models.network`.

    Args:
        model: Trained.
        mean: Of the features, by which they are standardised; float32[features].
        spread: Likewise, their standard deviation.
    """
    names = {
        "lstm": ("kernel", "recurrent", "bias"),
        "hidden": ("hidden", "hidden_bias"),
        "out": ("out", "out_bias"),
    }
    weights = {"mean": mean, "spread": spread}
    for layer, parts in names.items():
        for name, variable in zip(parts, model.get_layer(layer).weights, strict=True):
            weights[name] = np.array(variable.value, np.float32)
    return weights


class _Fit:
    """A network on its way through the questions of a table."""

    def __init__(self, table: Table) -> None:
        known = table.inputs[:, :KNOWN_WIDTH]
        spread = known.std(axis=0)
        self.mean = known.mean(axis=0).astype(np.float32)
        self.spread = np.where(spread > SMALLEST_SPREAD, spread, 1.0).astype(np.float32)
        self.model = network()
        self._inputs, self._targets = self._inputs_of(table), _targets_of(table)
        self._chance = np.random.default_rng(SEED)

    def epoch(self) -> None:
        """Go through all questions once, each time in another order."""
        order = self._chance.permutation(len(self._targets))
        order = order[: max(len(order) // BATCH, 1) * BATCH]
        inputs = [part[order] for part in self._inputs]
        self.model.fit(inputs, self._targets[order], BATCH, verbose=0, shuffle=False)

    def predict(self, table: Table) -> Numbers:
        """Return float32[n, 2]."""
        answers: Numbers = self.model.predict(self._inputs_of(table), 2048, verbose=0)
        return answers

    def _inputs_of(self, table: Table) -> list[Numbers]:
        known, candles = np.split(table.inputs, [KNOWN_WIDTH], axis=1)
        standard = (known - self.mean) / self.spread
        shaped = candles.reshape(-1, CANDLES, len(CHANNELS))
        return [shaped.astype(np.float32), standard.astype(np.float32)]


def _targets_of(table: Table) -> Numbers:
    targets = np.stack([table.excess, table.moved], axis=1)
    return np.clip(targets, -WIDEST, WIDEST).astype(np.float32)


def _loss(actual: Numbers, predicted: Numbers) -> Numbers:
    loss: Numbers = (actual - predicted) ** 2 * np.array(IMPORTANCE, np.float32)
    return loss


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
    under_way = _Fit(fit)
    for _ in range(MOST_EPOCHS):
        under_way.epoch()
        yield under_way.predict(held)


def _fitted(data: Table, epochs: int) -> Weights:
    under_way = _Fit(data)
    for _ in range(epochs):
        under_way.epoch()
    return weights_in(under_way.model, under_way.mean, under_way.spread)
