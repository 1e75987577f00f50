"""An LSTM with weights of chance: made in no time, and without what trains one."""

import numpy as np

from processors.features.sequence import CHANNELS, RECENT_HASH
from processors.models.artefact import Metadata, sha256_of
from processors.models.lstm import KNOWN_WIDTH, WEIGHTS_FILE, Lstm
from processors.models.network import shapes_of
from processors.models.weights import Weights, text_of

UNITS, HIDDEN = 16, 16
SHAPES = shapes_of(len(CHANNELS), KNOWN_WIDTH, UNITS, HIDDEN)


def some_weights(seed: int = 1) -> Weights:
    """Weights of the right shapes."""
    chance = np.random.default_rng(seed)
    weights = {name: chance.normal(0, 0.2, shape) for name, shape in SHAPES.items()}
    weights["spread"] = 0.5 + np.abs(weights["spread"])
    return {name: array.astype(np.float32) for name, array in weights.items()}


def an_lstm(seed: int = 1) -> Lstm:
    """A model that was never trained."""
    text = text_of(some_weights(seed))
    hashes = {WEIGHTS_FILE: sha256_of(text)}
    metadata = Metadata(
        1, "lstm", f"v{seed}", ["BTCUSDT"], 0, 1, 9, 2, RECENT_HASH, "0", {}, 1, {}, hashes
    )
    return Lstm(metadata, text)
