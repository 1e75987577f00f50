"""The prediction for the open candle, from the newest records of Kafka."""

import math

from api.http import problems
from api.http.problems import Members, Problem
from api.http.records import plain
from api.http.times import iso
from api.live.market import Arrival, Market
from api.queries.recent_skill import RecentSkill
from schemas.predictions import Prediction

RETRY_S = 5


def current_prediction(
    market: Market, evidence: RecentSkill, symbol: str, *, stale_s: float
) -> dict[str, object]:
    """Return the champion's and the challengers' predictions for a symbol's open candle.

    Raises:
        Problem: There is no fresh prediction; 503.
    """
    arrivals = [a for a in market.newest(symbol) if _is_recent(market, a, stale_s)]
    if not arrivals:
        raise not_fresh(f"no prediction for {symbol} has arrived in the last {stale_s:.0f} s")
    open_until_ms = arrivals[0].prediction.close_ms
    if market.head_ms >= open_until_ms:
        raise not_fresh(f"the predicted candle of {symbol} closed at {iso(open_until_ms)}")
    ranked = sorted(arrivals, key=lambda a: (not a.prediction.champion, a.prediction.model))
    champion, *challengers = ranked
    shown = _shown(market, evidence, champion)
    shown["challengers"] = [_shown(market, evidence, each) for each in challengers]
    return shown


def seconds_to_close(market: Market, prediction: Prediction) -> float:
    """Return the seconds left until the candle closes, by the stream's event time."""
    head = market.heads.get(prediction.symbol)
    now_ms = max(prediction.issued_ms, head.event_ms if head else 0)
    return max(0, prediction.close_ms - now_ms) / 1000


def not_fresh(detail: str) -> Problem:
    """Return the problem for a prediction that is missing or too old."""
    return Problem(problems.NOT_FRESH, detail, members=Members(retry_after_s=RETRY_S))


def _is_recent(market: Market, arrival: Arrival, stale_s: float) -> bool:
    age_s = market.age_s(arrival.arrived_s)
    return age_s is not None and age_s <= stale_s


def _shown(market: Market, evidence: RecentSkill, arrival: Arrival) -> dict[str, object]:
    prediction = arrival.prediction
    age_s = market.age_s(arrival.arrived_s) or 0.0
    facts = {
        "seconds_to_close": seconds_to_close(market, prediction),
        "age_s": math.floor(age_s * 1000) / 1000,
        "lately": evidence.of(prediction.symbol, prediction.model),
    }
    return plain(prediction) | facts
