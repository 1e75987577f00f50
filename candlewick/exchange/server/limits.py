"""Rate limits of each address, counted as Binance does.

Source: binance-spot-api-docs, rest-api.md, "LIMITS".
"""

from dataclasses import dataclass, field
from math import ceil
from typing import Final

from candlewick.exchange.server.errors import ApiError

_MINUTE_S: Final = 60
_LONGEST_BAN_S: Final = 3 * 86_400


@dataclass(frozen=True, slots=True)
class LimitRules:
    """The limits of one address.

    Attributes:
        weight: Request weight per minute.
        strikes: Requests above the limit, in the same minute, before a ban.
        ban_s: Length of the first ban; each further one is twice as long, up to three days.
        connections: Websocket connection attempts per five minutes.
    """

    weight: int = 6_000
    strikes: int = 50
    ban_s: int = 120
    connections: int = 300


@dataclass(slots=True)
class _Account:
    minute: int = 0
    used: int = 0
    strikes: int = 0
    bans: int = 0
    banned_until_s: float = 0.0
    attempts: list[float] = field(default_factory=list)


class Limits:
    """Counts the requests of each address; the caller passes the time, in seconds."""

    def __init__(self, rules: LimitRules) -> None:
        self.rules = rules
        self._accounts: dict[str, _Account] = {}

    def charge(self, address: str, weight: int, now_s: float) -> int:
        """Count a request and return the weight used in this minute.

        Raises:
            ApiError: The address is above the limit (429) or banned (418).
        """
        account = self._accounts.setdefault(address, _Account())
        if now_s < account.banned_until_s:
            raise _banned(account.banned_until_s, now_s)
        minute = int(now_s // _MINUTE_S)
        if minute != account.minute:
            account.minute, account.used, account.strikes = minute, 0, 0
        account.used += weight
        if account.used > self.rules.weight:
            raise self._too_many(account, now_s)
        return account.used

    def used(self, address: str) -> int:
        """Return the weight that an address used in the minute of its last request."""
        return self._accounts[address].used if address in self._accounts else 0

    def connect(self, address: str, now_s: float) -> bool:
        """Count a websocket connection attempt, and return whether it is allowed."""
        account = self._accounts.setdefault(address, _Account())
        account.attempts = [at for at in account.attempts if at > now_s - 5 * _MINUTE_S]
        account.attempts.append(now_s)
        return len(account.attempts) <= self.rules.connections

    def _too_many(self, account: _Account, now_s: float) -> ApiError:
        account.strikes += 1
        if account.strikes > self.rules.strikes:
            ban_s = min(self.rules.ban_s * 2**account.bans, _LONGEST_BAN_S)
            account.bans += 1
            account.banned_until_s = now_s + ban_s
            return _banned(account.banned_until_s, now_s)
        text = (
            f"Too much request weight used; current limit is {self.rules.weight} request weight "
            "per 1 MINUTE. Please use WebSocket Streams for live updates to avoid polling the API."
        )
        wait_s = ceil((account.minute + 1) * _MINUTE_S - now_s)
        return ApiError(-1003, text, status=429, retry_after_s=max(wait_s, 1))


def _banned(until_s: float, now_s: float) -> ApiError:
    text = (
        f"Way too much request weight used; IP banned until {round(until_s * 1000)}. "
        "Please use WebSocket Streams for live updates to avoid bans."
    )
    return ApiError(-1003, text, status=418, retry_after_s=max(ceil(until_s - now_s), 1))
