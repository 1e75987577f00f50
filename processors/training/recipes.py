"""How each model that can be trained is trained: what it is taught, and by whom."""

from math import ceil, gcd

from processors.models import lstm
from processors.models.batch import Batch
from processors.models.lstm import Lstm
from processors.training import lstm as lstm_training
from processors.training.batch import Training, train
from processors.training.dataset import Lessons, Table, Wanted
from schemas.timeframe import DAY_MS, Interval

MOST_LESSONS = 60_000  # of a sequence: minutes of training, and 100 MB
_SLOTS = DAY_MS // Interval.FIFTEEN_MINUTES.ms
_OF_LSTM = Wanted(lstm.row_of, lstm.WIDTH, lstm.EVERY, recent=True)
_A_DAY = _SLOTS * Interval.FIFTEEN_MINUTES.ms // Interval.ONE_MINUTE.ms // lstm.EVERY


def lessons_for(model: str, days: float = 0.0) -> Lessons:
    """Return what collects the lessons of one symbol.

    Args:
        model: Which is trained.
        days: Of all symbols together, so that an LSTM gets no more than it can go through.
    """
    if model != lstm.NAME:
        return Lessons()
    stride = max(ceil(days * _A_DAY / MOST_LESSONS), 1)
    while gcd(stride, _SLOTS) > 1:  # else it would know a few times of the day only
        stride += 1
    return Lessons(_OF_LSTM, stride)


def check_trainable(model: str) -> None:
    """Check that what trains a model is installed.

    Raises:
        ConfigurationError: It is not.
    """
    if model == lstm.NAME:
        lstm_training.check_installed()


def trained(training: Training, table: Table) -> tuple[Batch | Lstm, dict[str, str]]:
    """Return the model and the files of its artefact; the same table gives the same files.

    Raises:
        UnusableArtefact: There is too little data to train on.
        ConfigurationError: What trains it is not installed.
    """
    if training.model == lstm.NAME:
        return lstm_training.train_lstm(training, table)
    return train(training, table)
