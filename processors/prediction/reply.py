"""One model's answer to a question, as prices; a prediction is made of it when it is published."""

from dataclasses import dataclass

from processors.models.protocol import Answer
from schemas.predictions import Prediction, PredictionStatus
from schemas.timeframe import MINUTE_MS, Interval

CANDLE_MS = Interval.FIFTEEN_MINUTES.ms
READY = PredictionStatus.READY  # to look a member up in its class takes ten times as long


@dataclass(slots=True)  # not frozen: see `Reply`
class Moment:
    """Time and price of a question.

    Attributes:
        open_e8: Open of the candle, if it is known.
        limit: Log return from the last price to where closing up begins: half a tick below the
            candle's open, or below the last price if the candle has not begun. None if that open is
            not known.
        tick_e8: The price step, as far as it was known then, in 1e-8.
        scored: Whether the predictions are scored; False between two minutes.
    """

    symbol: str
    issued_ms: int
    close_ms: int
    last_price_e8: int
    volatility_bp: float
    open_e8: int | None
    limit: float | None
    tick_e8: int
    scored: bool = True


# Not frozen: so its constructor takes a quarter of the time, and a candle has sixty.
@dataclass(slots=True)
class Reply:
    """One model's answer at a moment, with what is published of it. It does not change.

    Attributes:
        status: Unless it is ``ready``, the published interval is wider than the calibrated one.
        raw_chance: The chance that the candle closes up, before its correction, if known.
        chance: The published chance.
        quantiles_e8: Prices of the quantiles `LEVELS`.
        champion: Whether the model was champion then, of the interval and of the chance.
        made: The prediction, once somebody has read it.
    """

    moment: Moment
    model: str
    version: str
    answer: Answer
    status: PredictionStatus
    raw_chance: float | None
    chance: float | None
    quantiles_e8: list[int]
    champion: tuple[bool, bool]
    made: Prediction | None = None

    @property
    def prediction(self) -> Prediction:
        """The prediction that is published."""
        if self.made is None:
            self.made = self._made()
        return self.made

    def _made(self) -> Prediction:
        low_98, low_90, low_80, low_50, price, high_50, high_80, high_90, high_98 = (
            self.quantiles_e8
        )
        moment = self.moment
        champion, chance_champion = self.champion
        issued_ms, close_ms = moment.issued_ms, moment.close_ms
        minutes_to_close = (close_ms - issued_ms) / MINUTE_MS
        # In the order of the fields: Python takes as long to match 25 names as to make the record.
        return Prediction(
            moment.symbol, "15m", close_ms - CANDLE_MS, close_ms, issued_ms, minutes_to_close,
            self.model, self.version, self.status.value, moment.scored, champion,
            moment.last_price_e8, price, low_50, high_50, low_90, high_90, moment.volatility_bp,
            low_98, low_80, high_80, high_98, moment.open_e8, self.chance, chance_champion,
        )  # fmt: skip
