"""The replay of one symbol, in steps: it may run in a process of its own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from tempfile import mkdtemp

from candlewick.offline.evaluation.lesson_files import LessonFile
from candlewick.offline.evaluation.past import Past, Source
from processors.extra.contestants import absences, contestants_with
from processors.extra.specification import Specification
from processors.models.protocol import Model, Outcome
from processors.prediction.calibrated_models import installed
from processors.prediction.following import Earned
from processors.prediction.replay import Replay
from processors.prediction.scoreboard import Skill
from processors.prediction.state import Asked, start_state
from processors.training.dataset import TrainingSet
from schemas.errors import ConfigurationError
from schemas.market import Candle, CandleStatus
from schemas.predictions import ModelVersion

_AT_ONCE = 1440  # candles from one report of progress to the next


@dataclass(frozen=True, slots=True)
class SymbolResult:
    """The result of one symbol.

    Attributes:
        past: The candles, and what was found in their files.
        reported_from_ms: Start of the reported period; ``skills`` has no candles before it.
        months: Skills of each month of that period, by its name.
        earned: What following the chance would have earned in that period.
        digest: SHA-256 of all predictions, including those before the reported period.
    """

    past: Past
    reported_from_ms: int
    predictions: int
    champion: str
    skills: list[Skill]
    months: dict[str, list[Skill]]
    earned: list[Earned]
    events: list[ModelVersion]
    digest: str

    @property
    def symbol(self) -> str:
        """Symbol of the candles."""
        return self.past.symbol


@dataclass(slots=True)
class SymbolRun:
    """One symbol's replay. Call `inspect`, then `begin`, then the others as often as needed.

    Attributes:
        fed: Called now and then with the number of candles replayed so far.
    """

    source: Source
    fed: Callable[[int], None]
    _past: Past = field(init=False)
    _replay: Replay = field(init=False)
    _candles: Iterator[Candle] = field(init=False)
    _lessons: dict[str, TrainingSet] = field(init=False)
    _folder: Path = field(init=False)
    _held: Candle | None = None
    _count: int = 0
    _impossible: int = 0

    def inspect(self) -> Past:
        """Read the candles once, and return what they are."""
        self._past = self.source()
        return self._past

    def begin(
        self,
        report_from_ms: int,
        lessons: dict[str, TrainingSet],
        folder: Path,
        extra: tuple[Specification, ...] = (),
    ) -> None:
        """Set the start of the reported period, the lessons to collect, and models of others.

        The lessons are written to files in a folder inside ``folder``.

        Raises:
            ConfigurationError: A model of others cannot be started.
        """
        self._folder = Path(mkdtemp(dir=folder))  # a symbol need not be able to name a file
        past, contestants = self._past, contestants_with(extra)
        state = start_state(past.symbol, interval=past.interval, contestants=contestants)
        for absent in absences(extra, state, past.from_ms):
            raise ConfigurationError(f"{absent.model} takes no part: {absent.reason}")
        self._replay = Replay(state, report_from_ms)
        self._candles = past.candles()
        self._lessons = lessons
        if lessons:
            state.on_lesson = self._teach
            wanted = [one.wanted for one in lessons.values()]
            state.teaches_recent = any(one.recent for one in wanted)
            state.teaches_detail = any(one.detail for one in wanted)

    def feed(self, until_ms: int) -> dict[str, LessonFile]:
        """Replay the candles that close until then; return the lessons since the last call."""
        candles = self._until(until_ms)
        while count := self._replay.feed(islice(candles, _AT_ONCE)):
            self._count += count
            self.fed(self._count)
        files = {}
        for model, lessons in self._lessons.items():
            name = f"{model}-{until_ms}.npy"
            files[model] = LessonFile(self._folder / name, until_ms, lessons.wanted.width)
            files[model].write(lessons.take())
        return files

    def install(self, model: Model | None, event: ModelVersion) -> None:
        """Let a trained model answer from now on, and note the event."""
        if model is not None:
            self._replay.state.contestants = installed(self._replay.state.contestants, model)
        self._replay.events.append(event)

    def result(self) -> SymbolResult:
        """Return the result; it has no skills if no candle of the reported part could be scored."""
        replay, past = self._replay, self._past
        skills = replay.scoreboard.skills()
        findings = replace(past.findings, impossible=self._impossible)
        return SymbolResult(
            past=replace(past, findings=findings),
            reported_from_ms=replay.report_from_ms,
            predictions=replay.digest.count,
            champion=replay.state.championship.champion,
            skills=skills,
            months=replay.scoreboard.months(),
            earned=replay.scoreboard.earned(),
            events=replay.events,
            digest=replay.digest.hex(),
        )

    def _until(self, until_ms: int) -> Iterator[Candle]:
        while candle := self._held or next(self._candles, None):
            self._held = candle if candle.close_ms > until_ms else None
            if self._held:
                return
            self._impossible += candle.status == CandleStatus.GAPPED
            yield candle

    def _teach(self, asked: Asked, outcome: Outcome) -> None:
        for lessons in self._lessons.values():
            lessons.add(asked, outcome)
