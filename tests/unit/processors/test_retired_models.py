"""What a person retires stays away as long as that is said, and a promotion takes it back."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace

import orjson

from processors.models.protocol import Model
from processors.prediction.state import SymbolState, start_state
from processors.predictor.anchor import anchor_of
from processors.predictor.ports import Acknowledgements, Record
from processors.predictor.predictor import Predictor
from processors.predictor.warm_start import Warmed, replayed
from processors.versions.installer import Installer
from processors.versions.schedule import ModelChange, needed_from
from schemas.predictions import ModelEvent, ModelVersion, Prediction
from tests.support.candle_builders import MIDNIGHT_MS, trembling_minutes
from tests.support.network_builders import an_lstm

MARKET = trembling_minutes(240)
QUARTER_MS, MINUTE_MS = 900_000, 60_000
SEEDS = {"v1": 1, "v2": 2}


def an_event(what: ModelEvent, model: str, quarter: int, version: str = "") -> ModelVersion:
    effective_ms = MIDNIGHT_MS + quarter * QUARTER_MS
    details = orjson.dumps({"effective_ms": effective_ms}).decode()
    return ModelVersion(model, version, "", what.value, effective_ms - 200_000, "", details)


TRAINED = an_event(ModelEvent.TRAINED, "lstm", 4, "v1")
TRAINED_AGAIN = an_event(ModelEvent.TRAINED, "lstm", 8, "v2")
NO_BLEND = an_event(ModelEvent.RETIRED, "blend", 6)
NO_ONLINE = an_event(ModelEvent.RETIRED, "online", 6)
ONLINE_AGAIN = an_event(ModelEvent.PROMOTED, "online", 9)


def knowing(*events: ModelVersion) -> Installer:
    def load(change: ModelChange) -> Model:
        return an_lstm(SEEDS[change.version])

    installer = Installer(load=load)
    for event in events:
        installer.changes.add(event)
    return installer


def names(state: SymbolState) -> list[str]:
    return [c.model.name for c in state.contestants]


def after(installer: Installer, changes: Iterable[ModelChange]) -> list[str]:
    state = start_state("BTCUSDT")
    for change in changes:
        assert not installer.install(state, [change])
    return names(state)


def test_a_blend_that_was_retired_does_not_come_back_with_the_next_version() -> None:
    installer = knowing(TRAINED, NO_BLEND, TRAINED_AGAIN)
    changes = installer.changes.of("BTCUSDT")
    later = needed_from(changes, MIDNIGHT_MS + 10 * QUARTER_MS, installer.can_load)

    assert after(installer, changes) == ["reference", "online", "lstm"]
    assert after(installer, later) == ["reference", "online", "lstm"]


def test_a_promotion_takes_back_what_was_retired_before_it_and_not_what_is_later() -> None:
    no_lstm = an_event(ModelEvent.RETIRED, "lstm", 6, "v1")
    crowned = an_event(ModelEvent.PROMOTED, "lstm", 9, "v2")
    later = an_event(ModelEvent.RETIRED, "online", 11)
    installer = knowing(TRAINED, no_lstm, TRAINED_AGAIN, crowned, NO_ONLINE, ONLINE_AGAIN, later)

    retired = [c for c in installer.changes.of("BTCUSDT") if c.event == ModelEvent.RETIRED]

    assert [(c.model, c.effective_ms) for c in retired] == [
        ("lstm", MIDNIGHT_MS + 6 * QUARTER_MS),  # a newer version had ended that before
        ("online", MIDNIGHT_MS + 11 * QUARTER_MS),
    ]


class Out:
    def __init__(self) -> None:
        self.answers: dict[tuple[int, str], Prediction] = {}

    async def publish(self, records: Iterable[Record]) -> Acknowledgements:
        self.answers |= {(r.issued_ms, r.model): r for r in records if isinstance(r, Prediction)}
        return ()


def predicted(installer: Installer, heard: int | None = None, lag: int = 0) -> Out:
    """Predict the market's second half; one takes the retirement back after ``heard`` candles.

    Then the store is ``lag`` candles behind.
    """
    out, half = Out(), len(MARKET) // 2

    async def warm(symbol: str, until_ms: int, _bars: int = 0, _scored_ms: int = 0) -> Warmed:
        changes = installer.changes.of(symbol)
        is_heard = any(change.event == ModelEvent.PROMOTED for change in changes)
        behind_ms = lag * MINUTE_MS if is_heard else 0
        known = [c for c in MARKET if c.open_ms < until_ms - behind_ms]
        span = anchor_of(until_ms), until_ms
        found = replayed(symbol, known, span, until_ms, changes=changes, installer=installer)
        return replace(found, whole=True)

    async def run() -> None:
        predictor = Predictor(warm, out, installer)
        for i, candle in enumerate(MARKET[half:]):
            if i == heard:
                installer.changes.add(ONLINE_AGAIN)
            await predictor.take(candle)
            await asyncio.gather(*predictor._tasks.values())

    asyncio.run(run())
    return out


def test_a_store_that_is_behind_keeps_no_model_away_that_is_promoted_again() -> None:
    answers = predicted(knowing(NO_ONLINE), heard=30, lag=1).answers
    last_ms = MARKET[-1].close_ms

    assert {model for ms, model in answers if ms == last_ms} == {"reference", "online"}


def test_a_model_that_is_promoted_again_answers_as_if_it_had_never_been_away() -> None:
    heard = 30
    answers = predicted(knowing(NO_ONLINE), heard).answers
    never_away = predicted(knowing(ONLINE_AGAIN)).answers
    heard_ms = MARKET[len(MARKET) // 2 + heard].close_ms

    before = {ms for ms, model in answers if model == "online" and ms < heard_ms}
    since = {key: p for key, p in answers.items() if key[0] >= heard_ms}
    assert not before
    assert {model for _, model in since} == {"reference", "online"}
    assert since == {key: p for key, p in never_away.items() if key[0] >= heard_ms}
