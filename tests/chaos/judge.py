"""What is wrong: what the store holds beside what the exchange says. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain

from schemas.timeframe import MINUTE_MS
from tests.chaos.held import (
    GAPPED,
    LENGTHS_MS,
    QUARTER_MS,
    QUIET,
    Asked,
    Held,
    Key,
    Own,
    Question,
    Values,
)


def differences(held: Held, klines: dict[Key, Values], asked: Asked) -> list[str]:
    """Return everything that is wrong, what comes first in the pipeline first."""
    return list(
        chain(
            _trades(held, klines, asked),
            _candles(held, klines, asked),
            _predictions(held, asked),
            held.letters,
        )
    )


def _trades(held: Held, klines: dict[Key, Values], asked: Asked) -> Iterator[str]:
    for run in held.runs:
        if run.rows != run.different:
            twice = run.rows - run.different
            yield f"trades of {run.symbol}, era {run.era}: {twice} rows are there twice"
        # A block with a false trade is refused as a whole. Sums tell of the minutes beside it.
        is_doubted = any(symbol == run.symbol for symbol, _ in asked.doubted)
        if run.different != run.last - run.first + 1 and not is_doubted:
            missing = run.last - run.first + 1 - run.different
            yield f"trades of {run.symbol}, era {run.era}: {missing} ids are missing"
    for (interval, symbol, open_ms), kline in sorted(klines.items(), key=_by_time):
        if interval != "1m" or asked.doubts(symbol, open_ms, MINUTE_MS):
            continue
        theirs = kline[6], kline[4], kline[5]
        ours = held.trades.get((symbol, open_ms), (Decimal(0),) * 3)
        if ours != theirs:
            yield f"trades of {symbol} at {open_ms}: {_told(ours)}; the exchange: {_told(theirs)}"


def _candles(held: Held, klines: dict[Key, Values], asked: Asked) -> Iterator[str]:
    for symbol, since_ms in asked.since_ms.items():
        for interval, length_ms in LENGTHS_MS.items():
            first_ms = -(-since_ms // length_ms) * length_ms
            for open_ms in range(first_ms, asked.until_ms - length_ms + 1, length_ms):
                if not asked.doubts(symbol, open_ms, length_ms):
                    key = interval, symbol, open_ms
                    yield from _candle(key, held.candles.get(key), klines.get(key))


def _candle(key: Key, ours: Own | None, theirs: Values | None) -> Iterator[str]:
    name = f"candle {key[0]} of {key[1]} at {key[2]}"
    if ours is None:
        if theirs is not None:
            yield f"{name} is missing"
    elif ours.status == GAPPED:
        yield f"{name} is gapped, and nothing explains it"
    elif theirs is None:
        if ours.status != QUIET:
            yield f"{name} is ours alone: {_told(ours.values)}"
    elif ours.values != theirs:
        said = f"{_told(ours.values)}; the exchange: {_told(theirs)}"
        yield f"{name}, revision {ours.revision}: {said}"


def _predictions(held: Held, asked: Asked) -> Iterator[str]:
    answers, scores = _once(held.answers), _once(held.scores)
    yield from (f"prediction {_asked(q)}: {why}" for q, why in answers.wrong)
    yield from (f"score {_asked(q)}: {why}" for q, why in scores.wrong)
    for question, price in answers.prices.items():
        symbol, open_ms, _, _ = question
        last = symbol, open_ms + QUARTER_MS - MINUTE_MS
        if open_ms + QUARTER_MS > asked.until_ms or last in asked.late | asked.doubted:
            continue
        if question not in scores.prices:
            yield f"prediction {_asked(question)} has no score"
        elif scores.prices[question] != price:
            yield f"prediction {_asked(question)} said {price}, its score {scores.prices[question]}"
    yield from _unasked(held, set(answers.prices), asked)


def _unasked(held: Held, answered: set[Question], asked: Asked) -> Iterator[str]:
    """Tell the closed minutes after which a model did not answer, though it has answered before."""
    begun: dict[tuple[str, str], int] = {}
    for symbol, _, issued_ms, model in answered:
        of = symbol, model
        begun[of] = min(issued_ms, begun.get(of, issued_ms))
    for (symbol, model), first_ms in begun.items():
        for (interval, name, open_ms), candle in held.candles.items():
            close_ms = open_ms + MINUTE_MS
            if (interval, name) != ("1m", symbol) or not first_ms <= close_ms <= asked.until_ms:
                continue
            minute = symbol, open_ms
            if candle.status == GAPPED or minute in asked.late | asked.doubted:
                continue
            question = symbol, close_ms // QUARTER_MS * QUARTER_MS, close_ms, model
            if question not in answered:
                yield f"prediction {_asked(question)} is missing"


@dataclass(frozen=True, slots=True)
class _Once:
    prices: dict[Question, Decimal]
    wrong: list[tuple[Question, str]]


def _once(rows: tuple[tuple[Question, Decimal], ...]) -> _Once:
    """Find what is there more than once."""
    counts, prices = Counter(question for question, _ in rows), defaultdict(set)
    for question, price in rows:
        prices[question].add(price)
    wrong = [
        (question, f"{count} rows, prices {sorted(map(str, prices[question]))}")
        for question, count in counts.items()
        if count > 1
    ]
    return _Once({question: min(each) for question, each in prices.items()}, wrong)


def _asked(question: Question) -> str:
    symbol, open_ms, issued_ms, model = question
    return f"of {model} for {symbol} at {open_ms}, asked at {issued_ms}"


def _by_time(item: tuple[Key, Values]) -> tuple[int, str, str]:
    (interval, symbol, open_ms), _ = item
    return open_ms, symbol, interval


def _told(values: Values) -> str:
    return " ".join(f"{value.normalize():f}" for value in values)
