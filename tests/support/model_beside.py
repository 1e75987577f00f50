"""A trained model beside the models that need no training."""

from collections.abc import Iterable
from dataclasses import replace

from processors.models.protocol import Model
from processors.prediction.calibrated_models import default_contestants, installed
from processors.prediction.prequential import Step, step
from processors.prediction.state import start_state
from schemas.market import Candle


def others_answer_as_without(model: Model, candles: Iterable[Candle]) -> tuple[Step, Step]:
    """Check that a model changes nothing of what others answer.

    Returns:
        The last step with the model, and the last without it.
    """
    state, plain = (start_state("BTCUSDT") for _ in range(2))
    state.contestants = installed(default_contestants(), model)
    for candle in candles:
        taken, alone = step(state, candle), step(plain, candle)
        others = [p for p in taken.predictions if p.model in {"reference", "online"}]
        assert [replace(p, champion=False) for p in others] == [
            replace(p, champion=False) for p in alone.predictions
        ]
        state, plain = taken.state, alone.state
    return taken, alone
