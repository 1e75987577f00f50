"""The endpoints of predictions that the clients offer; see `calls` for the others."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Literal

from candlewick.client.rest.call import (
    Call,
    Moment,
    Pages,
    Value,
    grouped,
    moment,
    rows_of,
)
from candlewick.client.rest.prediction_rows import (
    CurrentPrediction,
    OutcomeRow,
    PredictionRow,
    ReliabilityRow,
    SkillRow,
)
from candlewick.client.rest.rows import PageOf


def prediction(
    symbol: str, *, above: Iterable[Decimal | int | str] = ()
) -> Call[CurrentPrediction]:
    """Return the prediction of where the open candle will close.

    While there is no fresh one, `ApiUnavailable` is raised at once: an old one is never returned.

    Args:
        symbol: For example BTCUSDT.
        above: Prices; ``chance.above`` says how probable a close at or above each is.

    Example::

        now = api.prediction("BTCUSDT")
        print(now.price, now.low_90, now.high_90, "in", now.seconds_to_close, "s")
    """
    query: dict[str, Value] = {
        "symbol": symbol,
        "above": [f"{Decimal(price):f}" for price in above],
    }
    return Call("/v1/predictions/current", CurrentPrediction.model_validate_json, query)


def predictions(
    symbol: str,
    *,
    start: Moment | None = None,
    end: Moment | None = None,
    model: str | None = None,
    scored: bool = False,
    as_of: Moment | None = None,
    limit: int | None = None,
) -> Pages[PredictionRow]:
    """Iterate over predictions as they were published, newest first.

    Args:
        symbol: For example BTCUSDT.
        start: Issued at or after this time.
        end: Issued before this time.
        model: Only this model's.
        scored: Only scored ones, without those made between two minutes.
        as_of: Only those issued up to this time.
        limit: Most predictions in all.

    Example::

        for row in api.predictions("BTCUSDT", model="online", limit=3):
            print(row.issued_time, row.price)
    """
    query = {
        "symbol": symbol,
        "from": moment("start", start),
        "to": moment("end", end),
        "model": model,
        "scored": "true" if scored else None,
        "as_of": moment("as_of", as_of),
    }
    return Pages("/v1/predictions", PageOf[PredictionRow], query, limit=limit)


def outcomes(
    symbol: str,
    *,
    model: str | None = None,
    champion: bool = False,
    minutes: int | None = None,
    limit: int | None = None,
) -> Pages[OutcomeRow]:
    """Iterate over past predictions with the actual closes of their candles, newest first.

    Args:
        symbol: For example BTCUSDT.
        model: Only this model's.
        champion: Only those of the champion at the time.
        minutes: Only this many minutes to close.
        limit: Most in all.

    Example::

        rows = list(api.outcomes("BTCUSDT", champion=True, minutes=10, limit=100))
        print(sum(row.covered_90 for row in rows) / len(rows))
    """
    query = {
        "symbol": symbol,
        "model": model,
        "champion": "true" if champion else None,
        "minutes": minutes,
    }
    return Pages("/v1/outcomes", PageOf[OutcomeRow], query, limit=limit)


def scores(
    *,
    symbol: str | None = None,
    model: str | None = None,
    by: Iterable[Literal["symbol", "minutes", "day"]] = (),
    start: Moment | None = None,
    end: Moment | None = None,
) -> Call[list[SkillRow]]:
    """Return each model's skill against the reference; without ``start``, of the last 30 days.

    Args:
        symbol: Only this pair.
        model: Only this model.
        by: Keys to group by besides the model.
        start: Of candles that open at or after this time.
        end: Of candles that open before this time.

    Example::

        for row in api.scores(by=["symbol"]):
            print(row.symbol, row.model, row.pinball_skill, row.coverage_90)
    """
    query = grouped(symbol, model, by, (start, end))
    return Call("/v1/scores", rows_of(PageOf[SkillRow]), query)


def reliability(
    *,
    symbol: str | None = None,
    model: str | None = None,
    by: Iterable[Literal["symbol", "minutes", "day"]] = (),
    start: Moment | None = None,
    end: Moment | None = None,
) -> Call[list[ReliabilityRow]]:
    """Return how often candles closed up, by tenths of the chance that was given to it.

    The arguments are those of `scores`.

    Example::

        for row in api.reliability(model="online"):
            print(row.mean_chance, row.share_up, row.cases)
    """
    query = grouped(symbol, model, by, (start, end))
    return Call("/v1/scores/reliability", rows_of(PageOf[ReliabilityRow]), query)
