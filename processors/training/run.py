"""One training, from the request to the resulting event; it takes minutes."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import orjson

from clients.kafka.followed_symbols import known_symbols
from processors.history import History
from processors.models.artefact import Metadata, UnusableArtefact
from processors.training.batch import EMBARGO_MS, Training
from processors.training.dataset import Table, joined, lessons_of
from processors.training.recipes import check_trainable, lessons_for, trained
from processors.training.request import details_of, failure, version_of
from processors.versions.schedule import effective_after
from processors.versions.store import ModelStore
from schemas.errors import ConfigurationError
from schemas.market import Candle
from schemas.predictions import ModelEvent, ModelVersion, TrainingRequest
from schemas.settings import Settings
from schemas.timeframe import DAY_MS, MINUTE_MS, Interval

_CHUNK_MS = 7 * DAY_MS  # candles in memory at a time


@dataclass(frozen=True, slots=True)
class _Lessons:
    """Training data from the stored candles.

    Attributes:
        symbols: Symbols with training data.
        skipped: Symbols without any.
    """

    symbols: tuple[str, ...]
    skipped: tuple[str, ...]
    table: Table


def run(settings: Settings, request: TrainingRequest) -> ModelVersion:
    """Train and store the requested model, and return the event: ``trained`` or ``failed``.

    If the version already exists it is not trained again; its event is returned again. Asked for by
    another request, it takes effect anew: it may have been retired meanwhile. If other symbols are
    followed now, or more of the range is stored, that request leads to another version.

    Raises:
        Transient: ClickHouse or Kafka does not answer.
    """
    try:
        told = _answer(settings, request)
    except (UnusableArtefact, ConfigurationError) as error:
        return failure(request, str(error), _now_ms())
    except OSError as error:
        return failure(
            request, f"the model cannot be stored in {settings.data_dir}: {error}", _now_ms()
        )
    return replace(told, event_ms=max(_now_ms(), request.requested_ms))


def _answer(settings: Settings, request: TrainingRequest) -> ModelVersion:
    store, version = ModelStore(settings.data_dir), version_of(request)
    told = store.finished(request.model, version)
    if told is not None and _is_answered(request, told):
        return replace(told, details=details_of(request, orjson.loads(told.details)))
    symbols = (request.symbol,) if request.symbol else _followed(settings)
    with History(settings.clickhouse) as history:
        minutes = {symbol: _minutes(history, request, symbol) for symbol in symbols}
        if told is not None and orjson.loads(told.details).get("minutes") != minutes:
            version = version_of(request, minutes)
            told = store.finished(request.model, version)
        if told is None:
            told = _train(history, store, request, minutes, version)
        elif not _is_answered(request, told):
            told = _again(history, told)
    told = replace(told, details=details_of(request, orjson.loads(told.details)))
    store.finish(told)
    return told


def _train(
    history: History,
    store: ModelStore,
    request: TrainingRequest,
    minutes: dict[str, int],
    version: str,
) -> ModelVersion:
    check_trainable(request.model)
    _check_stored(history, request, tuple(minutes))
    lessons = _learned(history, request, tuple(minutes))
    training = Training(request.model, lessons.symbols, request.from_ms, request.until_ms)
    model, files = trained(training, lessons.table)
    metadata = replace(model.metadata, version=version)
    # Asked before anything is stored: an old event must not stand beside a new model.
    market_ms = max(history.newest_close_ms(symbol) or 0 for symbol in lessons.symbols)
    details = _details(metadata, lessons, effective_after(market_ms))
    details["asked_version"], details["minutes"] = version_of(request), minutes
    details["folder"] = store.folder(metadata.model, metadata.version)
    details["metadata_sha256"] = store.save(metadata, files)
    whole = len(minutes) * (request.until_ms - request.from_ms) / MINUTE_MS
    return _trained(request, metadata, details, sum(minutes.values()) / whole)


def _is_answered(request: TrainingRequest, told: ModelVersion) -> bool:
    """Return whether an event answers the same request: it came twice, or a crash repeats it."""
    known = orjson.loads(told.details).get("request", {})
    return bool(known.get("requested_ms") == request.requested_ms)


def _again(history: History, told: ModelVersion) -> ModelVersion:
    """Return the event of a finished version that takes effect anew."""
    details = orjson.loads(told.details)
    market_ms = max(history.newest_close_ms(symbol) or 0 for symbol in details["symbols"])
    details["effective_ms"] = effective_after(market_ms)
    return replace(told, details=orjson.dumps(details).decode())


def _minutes(history: History, request: TrainingRequest, symbol: str) -> int:
    (count,) = history.minutes(symbol, since_ms=(request.from_ms,), until_ms=request.until_ms)
    return count


def _followed(settings: Settings) -> tuple[str, ...]:
    names = known_symbols(settings, name="candlewick-trainer").names
    if not names:
        raise UnusableArtefact("no symbol is followed: `candlewick symbols add` one, or name one")
    return names


def _check_stored(history: History, request: TrainingRequest, symbols: tuple[str, ...]) -> None:
    newest_ms = max(history.newest_close_ms(symbol) or 0 for symbol in symbols)
    named = ",".join(symbols)
    if not newest_ms:
        raise UnusableArtefact(
            f"no candle of {named} is stored: `candlewick backfill --symbols {named}`, "
            "or ask for a symbol that is followed"
        )
    if newest_ms < request.until_ms - EMBARGO_MS:
        raise UnusableArtefact(
            f"the stored candles of {named} end before the range does: "
            f"ask for one until {_day(newest_ms)} at the latest"
        )


def _learned(history: History, request: TrainingRequest, symbols: tuple[str, ...]) -> _Lessons:
    days = len(symbols) * (request.until_ms - request.from_ms) / DAY_MS
    tables = {
        symbol: lessons_of(
            _candles(history, request, symbol),
            Interval.ONE_MINUTE,
            lessons_for(request.model, days),
        ).table()
        for symbol in symbols
    }
    taught = {symbol: table for symbol, table in tables.items() if len(table)}
    if not taught:
        raise UnusableArtefact(
            f"no candles of {_day(request.from_ms)} to {_day(request.until_ms)} are stored: "
            f"`candlewick backfill --symbols {','.join(symbols)} --from {_day(request.from_ms)}`"
        )
    skipped = tuple(symbol for symbol in symbols if symbol not in taught)
    return _Lessons(tuple(taught), skipped, joined(taught.values()))


def _candles(history: History, request: TrainingRequest, symbol: str) -> Iterator[Candle]:
    for from_ms in range(request.from_ms, request.until_ms, _CHUNK_MS):
        until_ms = min(from_ms + _CHUNK_MS, request.until_ms)
        yield from history.candles(symbol, from_ms=from_ms, until_ms=until_ms)


def _details(metadata: Metadata, lessons: _Lessons, effective_ms: int) -> dict[str, object]:
    return {
        "effective_ms": effective_ms,
        "symbols": list(lessons.symbols),
        "skipped": list(lessons.skipped),
        "from_ms": metadata.from_ms,
        "until_ms": metadata.until_ms,
        "rows": metadata.rows,
        "rounds": metadata.rounds,
        "holdout": metadata.holdout,
    }


def _trained(
    request: TrainingRequest, metadata: Metadata, details: dict[str, object], share: float
) -> ModelVersion:
    of = ", ".join(metadata.symbols)
    return ModelVersion(
        model=metadata.model,
        version=metadata.version,
        symbol=request.symbol,
        event=ModelEvent.TRAINED.value,
        event_ms=max(_now_ms(), request.requested_ms),
        reason=(
            f"{metadata.rounds} rounds on {metadata.rows} questions of {of}, "
            f"with {share:.1%} of the range stored"
        ),
        details=details_of(request, details),
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _day(moment_ms: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M", time.gmtime(moment_ms / 1000))
