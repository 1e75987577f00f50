"""The LSTM in Keras on JAX, for training; `processors.models.network` is the same in NumPy."""

import os
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from processors.features.sequence import CANDLES, CHANNELS
from processors.models.lstm import KNOWN_WIDTH, WIDEST
from processors.models.weights import Weights
from processors.training.dataset import Table
from processors.training.growing import SEED

if TYPE_CHECKING:
    import keras

Numbers = NDArray[np.float32]
UNITS = 16
HIDDEN = 16
BATCH = 256
LEARNING_RATE = 2e-3
IMPORTANCE = (1.0, 0.1)  # loss weights of log variance and point; the latter is mostly noise
SMALLEST_SPREAD = 1e-6
_SETTINGS = {
    "KERAS_BACKEND": "jax",
    "JAX_PLATFORMS": "cpu",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",  # the same sums on any number of cores
}


def network() -> "keras.Model":
    """Return the network of candles and standardised features, with the same initial weights."""
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
        model: The trained network.
        mean: Mean of each feature, used to standardise it; float32[features].
        spread: Standard deviation of each feature; float32[features].
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


class Fit:
    """A network being fitted to a table.

    Attributes:
        model: The Keras network.
        mean: Mean of each feature, used to standardise it.
        spread: Standard deviation of each feature.
    """

    def __init__(self, table: Table) -> None:
        known = table.inputs[:, :KNOWN_WIDTH]
        spread = known.std(axis=0)
        self.mean = known.mean(axis=0).astype(np.float32)
        self.spread = np.where(spread > SMALLEST_SPREAD, spread, 1.0).astype(np.float32)
        self.model = network()
        self._inputs, self._targets = self._inputs_of(table), _targets_of(table)
        self._chance = np.random.default_rng(SEED)

    def epoch(self) -> None:
        """Train on all questions once, in a new order each time."""
        order = self._chance.permutation(len(self._targets))
        order = order[: max(len(order) // BATCH, 1) * BATCH]
        inputs = [part[order] for part in self._inputs]
        self.model.fit(inputs, self._targets[order], BATCH, verbose=0, shuffle=False)

    def predict(self, table: Table) -> Numbers:
        """Return log variance and point of each question, float32[n, 2]."""
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
