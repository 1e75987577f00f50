"""The health report, from the newest look at the servers and from the live stream.

With ``PUBLIC_READ=false`` it contains no price: a client that may not read the market sees how old
its data is, but not the data.
"""

import time
from dataclasses import asdict

from api.health.checks import MINUTE_S, Check, Judge, State, together
from api.health.lag import API
from api.health.watch import Watch
from api.http.records import decimal_text
from api.http.times import iso
from api.live.feed import Feed
from api.live.tail import SILENT_S
from schemas.settings import Settings


class Report:
    """Builds the report from memory; nothing here waits."""

    def __init__(self, settings: Settings, feed: Feed, watch: Watch) -> None:
        self._settings = settings
        self._feed = feed
        self._watch = watch

    def readiness(self) -> list[Check]:
        """Return the checks that requests depend on: ClickHouse answers, and Kafka is read."""
        return [*self.listening(), self._watch.last.database]

    def listening(self) -> list[Check]:
        """Return the checks of the API's own threads."""
        return [self._looking(), self._listening()]

    def checks(self) -> list[Check]:
        """Return all checks."""
        last, judge = self._watch.last, self._judge()
        found = [*self.readiness(), last.broker, self._versions()]
        if last.stored is not None:
            found.append(judge.of_stored(last.stored))
        if last.lags is not None:
            found.append(judge.of_lags(last.lags))
            if self._settings.notify.rules is not None:
                found.append(judge.of_notifications(last.lags, last.notify_trouble))
        return [*found, self._stream(judge), self._predictions(judge)]

    def facts(self) -> dict[str, object]:
        """Return the figures behind the checks."""
        last, age_s = self._watch.last, self.prediction_age_s()
        return {
            "checked_s": round(time.monotonic() - last.at_s, 1),
            "symbols": [self._shown(symbol) for symbol in self._feed.followed.names],
            "not_traded": self._not_traded(),
            "stored": last.stored,  # thousands of rows with many symbols: orjson is quickest
            "lag": None if last.lags is None else [_rounded(asdict(lag)) for lag in last.lags],
            "members": last.members,
            "newest_prediction_age_s": None if age_s is None else round(age_s, 3),
            "clock_offset_ms": self._feed.market.exchange.offset_ms,
            "stream_clients": self._feed.hub.subscribers,
        }

    def prediction_age_s(self) -> float | None:
        """Return the age of the newest prediction in seconds, None before the first."""
        market = self._feed.market
        arrivals = [
            a for models in list(market.predictions.values()) for a in list(models.values())
        ]
        ages = [market.age_s(arrival.arrived_s) for arrival in arrivals]
        return min((age_s for age_s in ages if age_s is not None), default=None)

    def symbol_ages_s(self) -> dict[str, float]:
        """Return the age of each symbol's newest record, in seconds."""
        market = self._feed.market
        ages = {s: market.age_s(head.arrived_s) for s, head in list(market.heads.items())}
        return {symbol: age_s for symbol, age_s in ages.items() if age_s is not None}

    def _judge(self) -> Judge:
        now_s, since_s = time.monotonic(), self._watch.last.traded_since_s
        traded_s = {s: now_s - since_s.get(s, now_s) for s in self._feed.followed.traded}
        return Judge(self._settings.health, now_s - self._watch.began_s, traded_s)

    def _looking(self) -> Check:
        late_s = self._watch.late_s
        if late_s is None:
            return Check("health")
        return Check("health", State.DOWN, f"there has been no health check for {late_s:.0f} s")

    def _listening(self) -> Check:
        """Check that the API reads Kafka and makes progress while records are waiting."""
        if trouble := self._feed.tail.trouble:
            # The first connection to Kafka may take a moment; if it fails, the broker is down.
            never = (
                not self._feed.hub.position and self._judge().up_s <= self._settings.health.start_s
            )
            return Check("listening", State.STARTING if never else State.DOWN, trouble)
        for lag in self._watch.last.lags or ():
            if lag.group == API and lag.standing_s > SILENT_S:
                reason = f"reading {lag.topic} has stopped, and {lag.records} records are waiting"
                return Check("listening", State.DOWN, reason)
        return Check("listening")

    def _versions(self) -> Check:
        """Check that no partition is stopped at a record that only a newer version can read."""
        standing = [
            f"{kind.topic.name} [{number}] is stopped at {why}"
            for (kind, number), why in list(self._feed.tail.standing.items())
        ]
        return Check("versions", State.DOWN, "; ".join(standing)) if standing else Check("versions")

    def _stream(self, judge: Judge) -> Check:
        """Check that records arrive, and for every symbol at least once a minute."""
        ages, stale_s = self.symbol_ages_s(), self._feed.limits.stale_s
        newest = judge.of_age("", min(ages.values(), default=None), stale_s, "nothing new")
        if newest.state is not State.OK:
            return together("stream", [newest])
        # A minute without trades is told by the exchange's next ping at the latest.
        quiet_s = stale_s + MINUTE_S + PING_S
        each = [
            judge.of_symbol(symbol, ages.get(symbol), quiet_s, f"nothing new of {symbol}")
            for symbol in self._feed.followed.traded
        ]
        return together("stream", each)

    def _predictions(self, judge: Judge) -> Check:
        """Check that predictions arrive."""
        age_s, stale_s = self.prediction_age_s(), self._feed.limits.stale_s
        return judge.of_age("predictions", age_s, stale_s, "no prediction has arrived")

    def _not_traded(self) -> dict[str, str | None]:
        """Return since when each followed symbol is not traded, of those that are not."""
        book = self._feed.followed.book
        ends = {s: book.ended_ms(s) for s in book.names if not book.is_traded(s)}
        return {s: iso(ms) if ms and ms > 0 else None for s, ms in ends.items()}

    def head(self, symbol: str) -> dict[str, object]:
        """Return time, age and price of a symbol's newest record."""
        head = self._feed.market.heads.get(symbol)
        if head is None:
            return {"symbol": symbol, "fresh": False, **dict.fromkeys(_HEAD)}
        age_s = self._feed.market.age_s(head.arrived_s)
        return {
            "symbol": symbol,
            "fresh": age_s is not None and age_s <= self._feed.limits.stale_s,
            "last_price": decimal_text(head.price_e8),
            "event_ms": head.event_ms,
            "event_time": iso(head.event_ms),
            "age_s": None if age_s is None else round(age_s, 3),
        }

    def _shown(self, symbol: str) -> dict[str, object]:
        hidden = {} if self._settings.api.public_read else {"last_price": None}
        return self.head(symbol) | hidden


PING_S = 20.0
_HEAD = ("last_price", "event_ms", "event_time", "age_s")


def _rounded(facts: dict[str, object]) -> dict[str, object]:
    return {k: round(v, 1) if isinstance(v, float) else v for k, v in facts.items()}
