"""Models of others: they take part like ours, and none of their faults harms anybody."""

import asyncio
import dataclasses
import os
import pickle
import re
import time
from collections.abc import Iterable, Iterator, Sequence

import orjson
import psutil
import pytest
from typer.testing import CliRunner

from candlewick.commands.models import models
from candlewick.offline.evaluation.evaluate import Wish, evaluate
from candlewick.offline.evaluation.selection import extra_models_of, models_of
from processors.extra import host as host_module
from processors.extra.contestants import absences, contestants_with
from processors.extra.host import Host, close_hosts, host_of
from processors.extra.model import ExtraModel
from processors.extra.process import Fault, ModelProcess
from processors.extra.specification import Limits, Specification, specification
from processors.prediction.calibrated_models import Contestant, installed
from processors.prediction.issue import answer_questions, put_question
from processors.prediction.prequential import step
from processors.prediction.replay import Replay
from processors.prediction.state import SymbolState, start_state
from processors.predictor.anchor import anchor_of
from processors.predictor.extra_models import ExtraModels
from processors.predictor.ports import Acknowledgements, Record
from processors.predictor.predictor import Predictor
from processors.predictor.warm_start import Warmed, replayed
from processors.versions.installer import Installer
from processors.versions.schedule import ModelChange
from schemas.errors import ConfigurationError
from schemas.predictions import ModelEvent, ModelVersion, Prediction, Score
from tests.support.candle_builders import trembling_minutes
from tests.support.evaluation_builders import held
from tests.support.network_builders import an_lstm

PLACE = "tests.support.stranger_models"
MARKET = trembling_minutes(8 * 60)
FAULTS = {
    "looping": "it gave no answer within 0.2 s",
    "sleeping": "it gave no answer within 0.2 s",
    "eating": "MemoryError",
    "raising": "RuntimeError: no idea",
    "dying": "its process ended with 7",
    "unknowing": "ValueError: it answered nan",
}
SLOW = {"looping", "sleeping"}


@pytest.fixture(autouse=True)
def no_processes_left() -> Iterator[None]:
    yield
    close_hosts()
    assert not [p for p in psutil.Process().children() if "extra.child" in " ".join(p.cmdline())]


def of(name: str, factory: str = "MeanByMinutes", limits: Limits | None = None) -> Specification:
    return specification(name, f"{PLACE}:{factory}", limits)


def replay(*specifications: Specification, until: int = len(MARKET)) -> Replay:
    contestants = contestants_with(specifications)
    state = start_state("BTCUSDT", contestants=contestants)
    made = Replay(state, MARKET[0].open_ms)
    made.feed(MARKET[:until])
    return made


def ours(replayed: Replay) -> dict[str, float]:
    skills = replayed.scoreboard.skills()
    return {s.model: s.pinball_better_pct for s in skills if s.model in {"reference", "online"}}


def test_a_model_of_others_is_asked_and_scored_like_ours() -> None:
    replayed = replay(of("mean"), of("moved", "MeanByMinutes@return"), of("leaning", "Leaning"))

    cases = {s.model: s.cases for s in replayed.scoreboard.skills()}
    assert len({cases[name] for name in ("reference", "online", "mean", "moved", "leaning")}) == 1
    assert replayed.events == []
    assert ours(replayed) == ours(replay())


def test_the_same_candles_give_the_same_digest_in_one_go_and_over_a_pickle() -> None:
    both = of("mean"), of("leaning", "Leaning")
    whole = replay(*both)

    halved = replay(*both, until=200)
    halved.state = pickle.loads(pickle.dumps(halved.state))  # noqa: S301 - its own
    halved.feed(MARKET[200:])

    assert halved.digest.hex() == whole.digest.hex()
    assert {c.model.version for c in halved.state.contestants if c.is_extra} == {"1"}


def test_what_a_model_learned_goes_into_another_process() -> None:
    state = replay(of("mean"), until=200).state
    written = pickle.dumps(state)
    before = ask(state, issued_ms=state.next_ms)
    close_hosts()

    read: SymbolState = pickle.loads(written)  # noqa: S301 - its own

    assert ask(read, issued_ms=read.next_ms) == before


def test_a_classifier_shows_the_interval_of_the_reference_and_is_no_champion_of_it() -> None:
    state = replay(of("leaning", "Leaning")).state
    state.championship.crown("reference")

    found = {p.model: p for p in ask(state, issued_ms=state.next_ms)}

    assert found["leaning"].quantiles_e8 == found["reference"].quantiles_e8
    assert found["leaning"].chance_up != found["reference"].chance_up
    assert "leaning" not in state.championship._leads
    assert "leaning" in state.chance_championship._leads


def test_no_model_of_ours_reads_the_answers_of_a_model_of_others() -> None:
    contestants = installed(contestants_with([of("mean")]), an_lstm())

    (blend,) = [c for c in contestants if c.model.name == "blend"]
    assert blend.model.version == "online+lstm"


@pytest.mark.parametrize("factory", FAULTS)
def test_a_faulty_model_is_put_aside_and_harms_nobody(factory: str) -> None:
    bad = of("bad", factory, Limits(0.2 if factory in SLOW else 5.0, memory_mb=400))
    host = host_of(bad)
    host.patient = False  # as in a live predictor
    wait_until_started(host)
    state = start_state("BTCUSDT", contestants=contestants_with([bad]))
    replayed = Replay(state, MARKET[0].open_ms)
    for i in range(0, len(MARKET), 15):
        host._not_before_s = 0.0  # time passes quicker here
        wait_until_started(host)
        replayed.feed(MARKET[i : i + 15])

    reasons = [e.reason for e in replayed.events if e.event == ModelEvent.FAILED]
    assert all(FAULTS[factory] in reason for reason in reasons)
    assert [reason.rpartition(": ")[2] for reason in reasons] == [
        "it learns from the beginning",
        "it learns from the beginning",
        "put aside",
    ]
    assert [c.model.name for c in replayed.state.contestants] == ["reference", "online"]
    assert ours(replayed) == ours(replay())


def wait_until_started(host: Host) -> None:
    deadline = time.monotonic() + 60
    while not host.is_ready() and not host.given_up and time.monotonic() < deadline:
        pass


def test_a_model_without_an_answer_has_none_for_that_question_and_starts_again_to_prove() -> None:
    state = replay(of("mean")).state
    state.championship.crown("mean")
    host = host_of(of("mean"))
    host.patient = False
    os.kill(host.pid or 0, 9)

    predictions = ask(state, issued_ms=state.next_ms)

    assert {p.model for p in predictions} == {"reference", "online"}
    assert champion_of(predictions) == "reference"


def ask(state: SymbolState, *, issued_ms: int) -> tuple[Prediction, ...]:
    put_question(state, issued_ms=issued_ms)
    return tuple(reply.prediction for reply in answer_questions(state))


def champion_of(predictions: tuple[Prediction, ...]) -> str:
    (name,) = [p.model for p in predictions if p.champion]
    return name


def test_words_of_a_model_disturb_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    replayed = replay(of("talkative", "Talkative"), until=60)

    assert replayed.events == []
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("factory", "reason"),
    [
        ("no_model", "TypeError: .* returned object: return a river.base.Regressor or Classifier"),
        ("broken", "ValueError: no weights here"),
        ("missing", "AttributeError: .*has no attribute 'missing'"),
    ],
)
def test_what_is_no_model_takes_no_part(factory: str, reason: str) -> None:
    contestants = contestants_with([of("none", factory)])

    assert [c.model.name for c in contestants] == ["reference", "online"]
    assert re.search(reason, host_of(of("none", factory)).given_up)


@pytest.mark.parametrize(
    ("factory", "limit"),
    [("never_made_while_it_loops", "START_S"), ("never_made_while_it_sleeps", "START_PATIENCE_S")],
)
def test_a_model_that_never_starts_is_put_aside_and_a_live_predictor_does_not_wait_for_it(
    factory: str, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_module, limit, 0.5)
    waited: list[float] = []
    receive = ModelProcess.receive

    def noted(process: ModelProcess, *, cpu_s: float, within_s: float) -> object:
        waited.append(within_s)
        return receive(process, cpu_s=cpu_s, within_s=within_s)

    monkeypatch.setattr(ModelProcess, "receive", noted)
    host = host_of(of("none", factory))
    host.patient = False

    with pytest.raises(Fault, match="it did not start"):
        wait_until_started(host)

    assert host.given_up
    assert max(waited) <= 1.0


class Slow:
    """A process whose answers each take a while by a clock of its own, and nothing of CPU."""

    now_s, takes_s = 0.0, 0.9
    pid = None

    def __init__(self, _specification: Specification) -> None:
        """Start at once."""

    @classmethod
    def monotonic(cls) -> float:
        return cls.now_s

    def has_had(self, *, cpu_s: float, within_s: float) -> bool:
        del cpu_s, within_s
        return False

    def has_spoken(self) -> bool:
        return True

    def send(self, *_args: object, **_limits: float) -> None:
        """Take any message."""

    def receive(self, **_limits: float) -> tuple[dict[str, object], bytes]:
        type(self).now_s += self.takes_s
        return {"kind": "regressor", "answer": 0.5}, b""

    def close(self) -> None:
        """End at once."""


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setattr(host_module, "ModelProcess", Slow)
    monkeypatch.setattr(host_module, "time", Slow)
    host = Host(of("slow", limits=Limits(1.0)))
    host.patient = False
    return host


def test_a_model_that_is_slow_for_all_symbols_together_is_at_fault(slow: Host) -> None:
    for _ in range(3):
        Slow.now_s += 3600
        for key in "abcdefabcde":  # at first each answer takes the time to make the model as well
            slow.call(key, {"ask": {}})
        with pytest.raises(Fault, match=r"5\.4 s for one answer each of 6 symbols, and 5 s are al"):
            slow.call("f", {"ask": {}})

    assert "6 symbols" in slow.given_up


def test_many_candles_of_few_symbols_are_no_slow_answer(slow: Host) -> None:
    for _ in range(50):
        for key in "abcde":
            slow.call(key, {"ask": {}})
    for key in "abcdefgh":  # at the start each brings what it has learned, or takes it away
        slow.call(key, {"ask": {}}, b"learned")
        slow.call(key, {"dump": True}, moves=True)
    slow.patient = True  # a replay delays nobody
    for key in "abcdefgh":
        slow.call(key, {"ask": {}})

    assert not slow.given_up


class Out:
    """Keeps what is published."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    async def publish(self, records: Iterable[Record]) -> Acknowledgements:
        self.records += records
        return ()


def live(
    extra: Sequence[Specification], first: int, *, joined_after: int = 0
) -> tuple[list[Record], SymbolState]:
    """Run a live predictor from a candle on; the models of others join after some candles."""
    out, gate = Out(), asyncio.Event()

    def known(symbol: str, until_ms: int, contestants: list[Contestant] | None) -> Warmed:
        candles = [c for c in MARKET if c.open_ms < until_ms]
        span_ms = anchor_of(until_ms), until_ms
        found = replayed(symbol, candles, span_ms, until_ms, contestants=contestants)
        return dataclasses.replace(found, whole=True)

    async def warm(symbol: str, until_ms: int, _bars: int = 0, _scored_ms: int = 0) -> Warmed:
        return known(symbol, until_ms, None)

    async def warm_with_extra(symbol: str, until_ms: int) -> Warmed:
        await gate.wait()
        for one in extra:  # the replay runs in a process that may wait; here it is the same one
            host_of(one).patient = True
        warmed = known(symbol, until_ms, contestants_with(extra))
        failed = absences(extra, warmed.state, until_ms)
        written = pickle.dumps(dataclasses.replace(warmed, events=failed))
        for one in extra:
            host_of(one).patient = False
        return pickle.loads(written)  # noqa: S301 - its own

    async def run() -> SymbolState:
        predictor = Predictor(warm, out, extra=ExtraModels(extra, warm_with_extra))
        for i, candle in enumerate(MARKET[first:]):
            if i == joined_after:
                gate.set()
            await predictor.take(candle)
            await asyncio.gather(*predictor._tasks.values())
            if i == joined_after:
                await asyncio.gather(*(task for _, task in predictor._joining.values()))
        return predictor._symbols["BTCUSDT"].state

    return out.records, asyncio.run(run())


def of_model(records: list[Record], name: str) -> dict[int, Prediction]:
    return {r.issued_ms: r for r in records if isinstance(r, Prediction) and r.model == name}


def test_a_live_predictor_answers_as_a_replay_does_from_the_moment_they_joined() -> None:
    first, joined_after = 300, 7
    records, state = live([of("mean"), of("leaning", "Leaning")], first, joined_after=joined_after)
    expected: list[Record] = []
    state_of_whole = start_state(
        "BTCUSDT", contestants=contestants_with([of("mean"), of("leaning", "Leaning")])
    )
    for candle in MARKET:
        expected += step(state_of_whole, candle).predictions
    for name in ("mean", "leaning"):
        live_ones, replayed_ones = of_model(records, name), of_model(expected, name)
        joined_ms = MARKET[first + joined_after].close_ms
        assert min(live_ones) == joined_ms + 60_000
        assert live_ones == {ms: p for ms, p in replayed_ones.items() if ms > joined_ms}
    published = {(r.issued_ms, r.model) for r in records if isinstance(r, Prediction)}
    scored = {(r.issued_ms, r.model) for r in records if isinstance(r, Score)}
    first_ms = MARKET[first].open_ms  # that question was answered before the start
    assert {key for key in scored if key[0] > first_ms} <= published
    assert len(of_model(records, "online")) == len(MARKET) - first
    assert [c.model.name for c in state.contestants] == ["reference", "online", "mean", "leaning"]


def test_a_model_that_never_ends_delays_no_prediction_of_ours() -> None:
    with_it, _ = live([of("bad", "looping", Limits(0.2))], 300, joined_after=100)
    without, _ = live([], 300, joined_after=100)

    assert of_model(with_it, "online") == of_model(without, "online")
    (failed,) = [r for r in with_it if isinstance(r, ModelVersion)]
    assert failed.reason == "it gave no answer within 0.2 s: put aside"


def test_rivers_checks_and_ours_tell_a_sound_model_from_a_faulty_one() -> None:
    sound = CliRunner().invoke(models, ["check", f"{PLACE}:MeanByMinutes", "--json"])
    faulty = CliRunner().invoke(models, ["check", f"{PLACE}:dying"])

    rows = [orjson.loads(line) for line in sound.output.splitlines()]
    assert sound.exit_code == 0
    assert all(row["passed"] for row in rows)
    assert {row["suite"] for row in rows} == {"candlewick", "river"}
    assert len(rows) > 20
    assert faulty.exit_code == 1
    assert "its process ended with 7" in faulty.output


def test_retiring_and_promoting_by_hand_leave_the_blend_alone() -> None:
    contestants = installed(contestants_with([of("mean"), of("leaning", "Leaning")]), an_lstm())
    state = start_state("BTCUSDT", contestants=contestants)
    (blend,) = [c for c in contestants if c.model.name == "blend"]

    for rank, event, name in (
        (1, "promoted", "mean"),
        (1, "promoted", "leaning"),
        (2, "retired", "leaning"),
    ):
        Installer().install(state, [ModelChange(0, 0, rank, name, "", event, ())])

    assert state.championship.champion == "mean"
    assert any(c is blend for c in state.contestants)
    assert "leaning" not in {c.model.name for c in state.contestants}


def test_a_model_that_was_retired_by_hand_is_not_told_as_failed() -> None:
    specified = [of("mean"), of("none", "broken")]
    state = start_state("BTCUSDT", contestants=contestants_with(specified))
    Installer().install(state, [ModelChange(0, 0, 2, "mean", "", "retired", ())])

    (told,) = absences(specified, state, MARKET[0].open_ms)

    assert told.model == "none"


def test_every_symbol_says_that_a_model_was_put_aside() -> None:
    bad = of("bad", "dying", Limits(5.0, memory_mb=400))
    host_of(bad).patient = False
    wait_until_started(host_of(bad))
    symbols = [
        Replay(start_state(name, contestants=contestants_with([bad])), MARKET[0].open_ms)
        for name in ("BTCUSDT", "ETHUSDT")
    ]
    for i in range(0, len(MARKET), 15):
        for one in symbols:
            host_of(bad)._not_before_s = 0.0  # time passes quicker here
            wait_until_started(host_of(bad))
            one.feed([dataclasses.replace(c, symbol=one.state.symbol) for c in MARKET[i : i + 15]])

    for one in symbols:
        (*_, last) = [e.reason for e in one.events if e.event == ModelEvent.FAILED]
        assert last.endswith(": put aside")


def test_an_evaluation_takes_models_of_others_and_says_why_one_is_none() -> None:
    names = [f"mean={PLACE}:MeanByMinutes"]
    wish = Wish(0.1, models_of(names), extra=extra_models_of(names))

    result = evaluate({"BTCUSDT": held(MARKET)}, wish).symbols[0]

    assert [s.model for s in result.skills] == ["reference", "online", "mean", "champion"]
    none = Wish(models=(), extra=extra_models_of([f"none={PLACE}:broken"]))
    with pytest.raises(ConfigurationError, match="none takes no part: ValueError: no weights"):
        evaluate({"BTCUSDT": held(MARKET)}, none)
    with pytest.raises(ConfigurationError, match=r"write name=package\.module:factory"):
        extra_models_of(["mine=nowhere"])


def test_symbols_share_a_process_and_not_what_they_learn() -> None:
    first, second = ExtraModel(of("mean")), ExtraModel(of("mean"))

    assert first._host is second._host
    assert first._key != second._key


def test_the_secrets_of_the_predictor_are_not_in_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CANDLEWICK_CLICKHOUSE__PASSWORD", "secret")
    replay(of("mean"), until=20)

    process = psutil.Process(host_of(of("mean")).pid)
    assert "PYTHONHASHSEED" in process.environ()
    assert "CANDLEWICK_CLICKHOUSE__PASSWORD" not in process.environ()
