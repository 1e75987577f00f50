"""Replays stored candles through the live step, for evaluation and for a warm start."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from processors.prediction.digest import Digest
from processors.prediction.issue import answer_questions
from processors.prediction.prequential import step
from processors.prediction.scoreboard import Scoreboard
from processors.prediction.state import SymbolState
from schemas.market import Candle
from schemas.predictions import ModelVersion


@dataclass(slots=True)
class Replay:
    """One symbol's replay: state, digest of all predictions, scores of the reported part.

    Attributes:
        report_from_ms: Candles that open earlier only warm up the models; they are not reported.
    """

    state: SymbolState
    report_from_ms: int
    digest: Digest = field(default_factory=Digest)
    scoreboard: Scoreboard = field(default_factory=Scoreboard)
    events: list[ModelVersion] = field(default_factory=list)

    def feed(self, candles: Iterable[Candle]) -> int:
        """Replay candles in order of time, and return their number.

        Splitting them over several calls changes nothing.
        """
        count = 0
        for count, candle in enumerate(candles, 1):  # noqa: B007 - the last one is the number
            taken = step(self.state, candle, at_once=False)
            self.state = taken.state
            self.digest.add(taken.predictions)
            self.events += taken.events
            scores = taken.scores
            if scores and scores[0].open_ms >= self.report_from_ms:
                self.scoreboard.add(scores)
        self.digest.add(reply.prediction for reply in answer_questions(self.state))
        return count
