"""HTTP client of CoinGecko: one request a call; the caller decides when to retry."""

from collections.abc import Sequence
from typing import Final

import httpx

from clients.clock import wall_ms
from clients.limits import answered
from clients.retry_after import told_wait_s, until
from producers.coingecko.parse import parse_coins, parse_days
from schemas.coins import Coin, CoinDay
from schemas.errors import ConfigurationError, PoisonMessage, Transient
from schemas.settings import CoinsSettings

MOST_COINS: Final = 250  # in one answer; those behind them would be left out without a word
TIMEOUT_S: Final = 20.0  # between two bytes
REQUEST_S: Final = 40.0  # of a whole request
REFUSED: Final = (401, 403)
REFUSED_S: Final = 900.0  # its firewall lengthens a ban of who goes on asking


class CoinGecko:
    """Client of CoinGecko's public API.

    Every method raises `Transient` when CoinGecko cannot answer now, and `ConfigurationError` when
    it rejects the key.

    Attributes:
        refused: Rows of the answers that are not usable; the others are.
    """

    def __init__(
        self, settings: CoinsSettings, http: httpx.AsyncClient, *, limit_s: float = REQUEST_S
    ) -> None:
        self.refused: list[PoisonMessage] = []
        self._url = settings.url.rstrip("/")
        key = settings.key.get_secret_value()
        self._headers = {"x-cg-demo-api-key": key} if key else {}
        self._http = http
        self._limit_s = limit_s

    async def coins(self, ids: Sequence[str]) -> list[Coin]:
        """Fetch the coins with these ids, at most `MOST_COINS`; unknown ids are left out."""
        if not ids:  # CoinGecko would answer with all of its coins
            return []
        query: dict[str, str | int] = {"vs_currency": "usd", "ids": ",".join(ids)}
        raw = await self._get("coins/markets", query | {"per_page": MOST_COINS})
        try:
            return parse_coins(raw, fetched_ms=wall_ms(), refuse=self.refused.append)
        except PoisonMessage as error:
            raise Transient(str(error)) from error

    async def days(self, coin_id: str, days: int) -> list[CoinDay]:
        """Fetch a coin's daily history, oldest first; empty if the coin is unknown."""
        query: dict[str, str | int] = {"vs_currency": "usd", "days": days, "interval": "daily"}
        raw = await self._get(f"coins/{coin_id}/market_chart", query)
        try:
            if not raw:
                return []
            return parse_days(raw, coin_id, fetched_ms=wall_ms(), refuse=self.refused.append)
        except PoisonMessage as error:
            raise Transient(str(error)) from error

    async def _get(self, path: str, query: dict[str, str | int]) -> bytes:
        asked = self._http.get(f"{self._url}/{path}", params=query, headers=self._headers)
        try:
            answer = await answered(self._limit_s, f"{self._url} ({path})", asked)
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise Transient(f"{self._url} does not answer: {error!r}") from error
        if answer.status_code == httpx.codes.OK:
            return answer.content
        if answer.status_code == httpx.codes.NOT_FOUND:
            return b""
        is_own = answer.content.lstrip().startswith(b"{")  # else a firewall's page, line or nothing
        if answer.status_code in REFUSED and self._headers and is_own:
            raise ConfigurationError("CoinGecko rejects the key: correct CANDLEWICK_COINS__KEY")
        if answer.status_code in REFUSED:
            raise Transient(
                f"{self._url} refuses us now ({answer.status_code}): wait, set "
                "CANDLEWICK_COINS__KEY or HTTPS_PROXY; asking again at "
                f"{until(REFUSED_S, wall_ms())}",
                retry_after_s=REFUSED_S,
            )
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            wait_s = told_wait_s(answer.status_code, answer.headers.get("Retry-After", ""))
            when = until(wait_s, wall_ms())
            raise Transient(f"{self._url} asks to wait until {when}", retry_after_s=wait_s)
        raise Transient(f"{self._url} answered {answer.status_code}")
