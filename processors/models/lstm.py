"""A trained LSTM over the last candles and the features of the moment.

The candles are those of `processors.features.sequence`. Like `processors.models.batch`, it does not
learn from single candles. It needs only NumPy to answer: Keras and JAX train it
(`processors.training.lstm`) and are an extra that only the trainer needs.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from processors.features.features import KNOWN_NAMES, Features
from processors.features.sequence import CANDLES, CHANNELS, RECENT_HASH, RECENT_NAMES
from processors.models.artefact import AtWork, Metadata, UnusableArtefact, load_artefact
from processors.models.network import Network
from processors.models.protocol import Answer, Notice, Outcome
from processors.models.scale import recent_log_variance, scale_of
from processors.models.weights import weights_of

NAME = "lstm"
WEIGHTS_FILE = "weights.json"
EVERY = 3  # minutes: the questions in between teach nearly the same
WIDTH = 1 + len(KNOWN_NAMES) + len(RECENT_NAMES)
KNOWN_WIDTH = 1 + len(KNOWN_NAMES)
WIDEST = 6.0  # limit of both outputs, like that of the training targets


class Lstm:
    """One version of the LSTM; all its symbols share the object."""

    name = NAME
    candles_read = CANDLES

    def __init__(self, metadata: Metadata, weights: str) -> None:
        """Build the network from the text of its weights.

        Raises:
            ValueError: The text does not contain the weights of such a network.
        """
        self.metadata = metadata
        self._text = weights
        self._network = Network(weights_of(weights), channels=len(CHANNELS), features=KNOWN_WIDTH)

    def __reduce__(self) -> tuple[Callable[..., "Lstm"], tuple[Metadata, str]]:
        return _shared, (self.metadata, self._text)

    @property
    def version(self) -> str:
        """Version of the artefact."""
        return self.metadata.version

    def predict_one(self, x: Features, minutes: int) -> Answer:
        """Answer one question; missing features and candles count as zero, that is as usual."""
        row = np.array(row_of(x, minutes))
        candles = row[KNOWN_WIDTH:].reshape(CANDLES, len(CHANNELS))
        answer = self._network.answer(candles, row[:KNOWN_WIDTH])
        excess, moved = np.clip(answer, -WIDEST, WIDEST).tolist()
        usual = recent_log_variance(x)
        return Answer(moved * scale_of(usual, minutes), scale_of(usual + excess, minutes))

    def learn_one(self, x: Features, minutes: int, outcome: Outcome) -> Notice | None:
        """Learn nothing."""


def load_lstm(folder: Path) -> Lstm:
    """Load the LSTM of an artefact.

    Raises:
        UnusableArtefact: It is missing, changed since it was trained, or of another version.
    """
    metadata, files = load_artefact(folder, RECENT_HASH)
    try:
        return _shared(metadata, files[WEIGHTS_FILE])
    except (KeyError, ValueError) as error:
        raise UnusableArtefact(f"{folder} holds no LSTM: train it again") from error


_at_work = AtWork[Lstm]()


def _shared(metadata: Metadata, weights: str) -> Lstm:
    return _at_work.one(metadata, lambda: Lstm(metadata, weights))


def row_of(x: Features, minutes: int) -> list[float]:
    """Return the inputs of one question: minutes, features, candles; zero for missing ones."""
    get = x.get
    known = [get(name, 0.0) for name in KNOWN_NAMES]
    return [float(minutes), *known, *[get(name, 0.0) for name in RECENT_NAMES]]
