"""How each kind of model is trained: its training data and its trainer."""

from math import ceil, gcd

from processors.models import lstm
from processors.models.batch import Batch
from processors.models.lstm import Lstm
from processors.training import lstm as lstm_training
from processors.training.batch import Training, train
from processors.training.dataset import Rows, TrainingSet, Wanted
from schemas.timeframe import DAY_MS, Interval

MOST_LESSONS = 60_000  # lessons for an LSTM: minutes of training, and 100 MB
TURN = 3  # the questions in between teach trees nearly the same
MOST_QUESTIONS = 200_000  # for trees: half a minute of training, and 90 MB
_SLOTS = DAY_MS // Interval.FIFTEEN_MINUTES.ms
_SHIFTS = _SLOTS + 1  # how far a day shifts which questions are taken
_OF_LSTM = Wanted(lstm.row_of, lstm.WIDTH, lstm.EVERY, recent=True, detail=False)
_A_DAY = _SLOTS * Interval.FIFTEEN_MINUTES.ms // Interval.ONE_MINUTE.ms // lstm.EVERY


def lessons_for(
    model: str, days: float = 0.0, interval: Interval = Interval.ONE_MINUTE
) -> TrainingSet:
    """Return a collector for the lessons of one symbol.

    Args:
        model: Kind of model to train.
        days: Days of data of all symbols together; limits the number of lessons.
        interval: Length of the candles: after each there is a question.
    """
    if model != lstm.NAME:
        least = TURN if interval is Interval.ONE_MINUTE else 1
        most = ceil(days * DAY_MS / interval.ms / MOST_QUESTIONS)
        turn = max(most, least)
        while gcd(turn, _SHIFTS) > 1:  # otherwise every day would bring the same questions
            turn += 1
        return TrainingSet(Wanted(turn=turn))
    stride = max(ceil(days * _A_DAY / MOST_LESSONS), 1)
    while gcd(stride, _SLOTS) > 1:  # otherwise it would see only some times of day
        stride += 1
    return TrainingSet(_OF_LSTM, stride)


def check_trainable(model: str) -> None:
    """Check that the libraries that train a model are installed.

    Raises:
        ConfigurationError: A library is missing.
    """
    if model == lstm.NAME:
        lstm_training.check_installed()


def trained(training: Training, table: Rows) -> tuple[Batch | Lstm, dict[str, str]]:
    """Return the model and the files of its artefact; the same table gives the same files.

    Raises:
        UnusableArtefact: There is too little data to train on.
        ConfigurationError: A library that trains it is not installed.
    """
    if training.model == lstm.NAME:
        return lstm_training.train_lstm(training, table)
    return train(training, table)
