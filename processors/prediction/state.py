"""State of the prequential step for one symbol."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final

from processors.features.detail import Detail
from processors.features.features import Features, FeatureState
from processors.features.sequence import Recent
from processors.models.protocol import Outcome
from processors.prediction.calibrated_models import Contestant, default_contestants
from processors.prediction.champion import Championship
from processors.prediction.reply import Moment, Reply
from schemas.timeframe import Interval

FEWEST_FOR_TICK: Final = 60  # with four prices each: a larger step fits them all by no accident


@dataclass(slots=True)  # not frozen: see `reply.Reply`
class Asked:
    """One question about the open candle, with the answers.

    Attributes:
        recent: The last candles, if a model reads them.
        variance_before: Sum of squared returns in the open candle when the question was asked.
        gaps_before: Number of gaps seen until then.
        is_doubtful: Whether minutes were missing shortly before.
        replies: Reply of each model, by its name; empty until they were asked.
        published: What was published in place of these replies, by a state that this one replaced,
            or nothing; None if it is they that are published.
    """

    moment: Moment
    minutes: int
    x: Features
    recent: Features
    variance_before: float
    gaps_before: int
    is_doubtful: bool
    replies: dict[str, Reply]
    published: dict[str, Reply] | None = None

    @property
    def said(self) -> dict[str, Reply]:
        """The replies that are published."""
        return self.replies if self.published is None else self.published

    @property
    def close_ms(self) -> int:
        """End of the candle."""
        return self.moment.close_ms


@dataclass(slots=True)
class SymbolState:
    """Everything the step knows about one symbol. A step consumes it and returns a new one.

    Attributes:
        bar_minutes: Length of the candles, in minutes: 1 or 15.
        price_step_e8: The largest step that fits all prices since the start, in 1e-8.
        next_ms: Start of the candle expected next; 0 before the first.
        bars: Number of candles folded since the start.
        bars_since_gap: Number of candles folded since minutes were last missing.
        opened: End in epoch milliseconds and open in 1e-8 of the last 15-minute candle whose first
            minute is known. While nothing is traded in it, its open is the close before it.
        has_opened: Whether anything was traded in that candle.
        variance: Sum of the squared returns so far in the open candle.
        gaps: How many times minutes were missing.
        asked: Questions about the open candle that wait for its close.
        answered: How many of them the models were asked; one that comes later is not.
        on_lesson: Called with each question and its outcome, to collect training data.
        recent: The last candles, for models that read a sequence.
        detail: The detail of the last candles, for models that are trained.
        teaches_recent: Whether to include them in the features passed to ``on_lesson``.
        teaches_detail: Whether to include the detail in them.
        may_blend: Whether there may be a blend of the models; not after it was retired by hand.
    """

    symbol: str
    bar_minutes: int
    features: FeatureState
    detail: Detail
    contestants: list[Contestant]
    championship: Championship
    chance_championship: Championship
    price_step_e8: int = 0
    next_ms: int = 0
    last_price_e8: int = 0
    bars: int = 0
    bars_since_gap: int = 0
    gaps: int = 0
    opened: tuple[int, int] = (0, 0)
    has_opened: bool = False
    variance: float = 0.0
    asked: list[Asked] = field(default_factory=list)
    answered: int = 0
    on_lesson: Callable[[Asked, Outcome], None] | None = None
    recent: Recent = field(default_factory=Recent)
    teaches_recent: bool = False
    teaches_detail: bool = False
    may_blend: bool = True

    @property
    def tick_e8(self) -> int:
        """The symbol's price step, in 1e-8: 1 until enough candles have shown it."""
        return self.price_step_e8 if self.bars >= FEWEST_FOR_TICK else 1

    def open_of(self, close_ms: int) -> int | None:
        """Return the open of the 15-minute candle that ends then, in 1e-8; None if not known.

        While nothing is traded in it, that is what it would be.
        """
        end_ms, open_e8 = self.opened
        return open_e8 if end_ms == close_ms else None

    def forget_asked(self) -> None:
        """Forget the questions, whose candle is over."""
        self.asked, self.answered = [], 0

    def score_only(self, live_ms: Collection[int]) -> None:
        """Let only answers of these times be scored: nobody has published the others."""
        for asked in self.asked:
            if asked.moment.issued_ms not in live_ms:
                asked.published = {}

    def stand_for(self, before: "SymbolState") -> None:
        """Let the answers be scored that a state gave which this one replaces.

        They are what is published of this candle. Learned from are the state's own, as in a replay.
        """
        said = {asked.moment.issued_ms: asked.said for asked in before.asked}
        is_level = before.next_ms == self.next_ms
        for asked in self.asked:
            nothing = {} if is_level else asked.published
            asked.published = said.get(asked.moment.issued_ms, nothing)

    def unseat(self, model: str) -> None:
        """Let a model lose what it has won, of the interval and of the chance."""
        self.championship.drop(model)
        self.chance_championship.drop(model)


def start_state(
    symbol: str,
    *,
    interval: Interval = Interval.ONE_MINUTE,
    contestants: list[Contestant] | None = None,
) -> SymbolState:
    """Return the state of a symbol without history; the reference is its first champion."""
    bar_minutes = interval.ms // Interval.ONE_MINUTE.ms
    return SymbolState(
        symbol=symbol,
        bar_minutes=bar_minutes,
        features=FeatureState(bar_minutes),
        detail=Detail(bar_minutes),
        contestants=default_contestants() if contestants is None else contestants,
        championship=Championship("reference"),
        chance_championship=Championship("reference"),
    )
