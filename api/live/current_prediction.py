"""The prediction for the open candle, from the newest records of Kafka."""

import math
from collections.abc import Sequence

from api.http import problems
from api.http.problems import Members, Problem
from api.http.records import decimal_text, plain
from api.http.times import iso
from api.live.market import Arrival, Market
from api.queries.recent_skill import RecentSkill
from schemas.distribution import chance_at_or_above
from schemas.predictions import Prediction

RETRY_S = 5


def current_prediction(
    market: Market,
    evidence: RecentSkill,
    symbol: str,
    *,
    stale_s: float,
    above_e8: Sequence[int] = (),
) -> dict[str, object]:
    """Return the champion's and the challengers' predictions for a symbol's open candle.

    Args:
        market: The newest predictions.
        evidence: Their models' recent skill.
        symbol: The symbol asked for.
        stale_s: Age in seconds from which a prediction is not fresh any more.
        above_e8: Prices to answer the chance for that the candle closes at or above them.

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
    shown["chance"] = _chance([each.prediction for each in ranked], above_e8)
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


def _chance(ranked: Sequence[Prediction], above_e8: Sequence[int]) -> dict[str, object]:
    """Return the chances by the champion of the chance; if there is none, by the first one."""
    said = next((each for each in ranked if each.chance_champion), ranked[0])
    above = [
        {"price": decimal_text(price_e8), "chance": chance_at_or_above(said, price_e8)}
        for price_e8 in above_e8
    ]
    opened = None if said.open_e8 is None else decimal_text(said.open_e8)
    return {"model": said.model, "open": opened, "up": said.chance_up, "above": above}


def _shown(market: Market, evidence: RecentSkill, arrival: Arrival) -> dict[str, object]:
    prediction = arrival.prediction
    age_s = market.age_s(arrival.arrived_s) or 0.0
    facts = {
        "seconds_to_close": seconds_to_close(market, prediction),
        "age_s": math.floor(age_s * 1000) / 1000,
        "lately": evidence.of(prediction.symbol, prediction.model),
    }
    return plain(prediction) | facts
