"""A trained model: trees for the log variance until the close, and for the point if it has skill.

It does not learn from single candles; a newer version replaces it.
"""

from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path

from processors.features.features import NAMES, POINT_NAMES, TRADE_NAMES, Features
from processors.models.artefact import Metadata, UnusableArtefact, load_artefact
from processors.models.protocol import Answer, Notice, Outcome, Question
from processors.models.scale import recent_log_variance, scale_of
from processors.models.trees import Trees

INPUTS = ("minutes", *NAMES[1:], *TRADE_NAMES, *POINT_NAMES)
_named = itemgetter(*INPUTS[1:])  # twice as fast as asking one by one; most often all are there
MISSING = float("nan")
VARIANCE_FILE, POINT_FILE = "variance.txt", "point.txt"


class Batch:
    """One version of a batch model; all its symbols share the object."""

    def __init__(self, metadata: Metadata, variance: str, point: str | None) -> None:
        """Build the trees from their texts."""
        self.metadata = metadata
        self._texts = variance, point
        self._variance = Trees(variance, len(INPUTS))
        self._point = Trees(point, len(INPUTS)) if point else None

    def __reduce__(self) -> tuple[type["Batch"], tuple[Metadata, str, str | None]]:
        return Batch, (self.metadata, *self._texts)

    @property
    def name(self) -> str:
        """Kind of model: ``batch`` or ``forest``."""
        return self.metadata.model

    @property
    def version(self) -> str:
        """Version of the artefact."""
        return self.metadata.version

    def predict_one(self, x: Features, minutes: int) -> Answer:
        """Answer one question."""
        return self.predict_many([(x, minutes)])[0]

    def predict_many(self, questions: Sequence[Question]) -> list[Answer]:
        """Answer questions together, each as if it were asked alone."""
        rows = [row_of(x, minutes) for x, minutes in questions]
        excess = self._variance.predict_many(rows)
        moved = self._point.predict_many(rows) if self._point else [0.0] * len(rows)
        answers = []
        for (x, minutes), more, point in zip(questions, excess, moved, strict=True):
            usual = recent_log_variance(x)
            move = point * scale_of(usual, minutes) if self._point else 0.0
            answers.append(Answer(move, scale_of(usual + more, minutes)))
        return answers

    def learn_one(self, x: Features, minutes: int, outcome: Outcome) -> Notice | None:
        """Learn nothing."""


def load_batch(folder: Path) -> Batch:
    """Load the batch model of an artefact.

    Raises:
        UnusableArtefact: It is missing, changed since it was trained, or of another version.
    """
    metadata, files = load_artefact(folder)
    try:
        return Batch(metadata, files[VARIANCE_FILE], files.get(POINT_FILE))
    except (KeyError, ValueError) as error:
        raise UnusableArtefact(f"{folder} holds no trees: train it again") from error


def row_of(x: Features, minutes: int) -> list[float]:
    """Return the inputs of one question in the order of `INPUTS`; NaN for missing features."""
    try:
        return [minutes, *_named(x)]
    except KeyError:
        get = x.get
        return [minutes, *[get(name, MISSING) for name in INPUTS[1:]]]
