"""A trained model: trees for the log variance until the close, and for the point if it has skill.

It does not learn from single candles; a newer version replaces it. A version that was trained
before there was a detail (`processors.features.detail`) still answers, from the features of then.
"""

from collections.abc import Callable, Sequence
from operator import itemgetter
from pathlib import Path

from processors.features.detail import DETAIL_HASH, DETAIL_NAMES
from processors.features.features import FEATURES_HASH, KNOWN_NAMES, Features
from processors.models.artefact import AtWork, Metadata, UnusableArtefact, load_artefact
from processors.models.protocol import Answer, Notice, Outcome, Question
from processors.models.scale import recent_log_variance, scale_of
from processors.models.trees import Trees

PLAIN_INPUTS = ("minutes", *KNOWN_NAMES)
INPUTS = (*PLAIN_INPUTS, *DETAIL_NAMES)
MISSING = float("nan")
VARIANCE_FILE, POINT_FILE = "variance.txt", "point.txt"


class Batch:
    """One version of a batch model; all its symbols share the object."""

    def __init__(self, metadata: Metadata, variance: str, point: str | None) -> None:
        """Build the trees from their texts."""
        self.metadata = metadata
        self._texts = variance, point
        self.reads_detail = metadata.features == DETAIL_HASH
        self._row = row_of if self.reads_detail else plain_row_of
        width = len(INPUTS if self.reads_detail else PLAIN_INPUTS)
        self._variance = Trees(variance, width)
        self._point = Trees(point, width) if point else None

    def __reduce__(self) -> tuple[Callable[..., "Batch"], tuple[Metadata, str, str | None]]:
        return _shared, (self.metadata, *self._texts)

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
        rows = [self._row(x, minutes) for x, minutes in questions]
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
    metadata, files = load_artefact(folder, DETAIL_HASH, FEATURES_HASH)
    try:
        return _shared(metadata, files[VARIANCE_FILE], files.get(POINT_FILE))
    except (KeyError, ValueError) as error:
        raise UnusableArtefact(f"{folder} holds no trees: train it again") from error


_at_work = AtWork[Batch]()


def _shared(metadata: Metadata, variance: str, point: str | None) -> Batch:
    return _at_work.one(metadata, lambda: Batch(metadata, variance, point))


class _Rows:
    """The inputs of questions in one order; NaN for missing features."""

    def __init__(self, inputs: tuple[str, ...]) -> None:
        self._names = inputs[1:]
        # Twice as fast as asking one by one; most often all are there.
        self._named = itemgetter(*self._names)
        self._missing = [MISSING] * len(self._names)

    def __call__(self, x: Features, minutes: int) -> list[float]:
        """Return the inputs of one question."""
        try:
            return [minutes, *self._named(x)]
        except KeyError:
            return [minutes, *map(x.get, self._names, self._missing)]


row_of = _Rows(INPUTS)
plain_row_of = _Rows(PLAIN_INPUTS)
