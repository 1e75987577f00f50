"""CoinGecko over HTTP, one question at a time; who asks decides when to ask again."""

from collections.abc import Sequence
from typing import Final

import httpx

from producers.clock import wall_ms
from producers.coingecko.parse import parse_coins, parse_days
from schemas.coins import Coin, CoinDay
from schemas.errors import ConfigurationError, PoisonMessage, Transient
from schemas.settings import CoinsSettings

TIMEOUT_S: Final = 20.0
WAIT_S: Final = 60.0  # where CoinGecko names no time
REFUSED: Final = (401, 403)


class CoinGecko:
    """CoinGecko's public answers.

    Every method raises `Transient` when it cannot answer now, and `ConfigurationError` when it
    refuses the key.
    """

    def __init__(self, settings: CoinsSettings, http: httpx.AsyncClient) -> None:
        self._url = settings.url.rstrip("/")
        key = settings.key.get_secret_value()
        self._headers = {"x-cg-demo-api-key": key} if key else {}
        self._http = http

    async def coins(self, ids: Sequence[str]) -> list[Coin]:
        """Return the coins of these ids that it knows."""
        query: dict[str, str | int] = {"vs_currency": "usd", "ids": ",".join(ids), "per_page": 250}
        raw = await self._get("coins/markets", query)
        try:
            return parse_coins(raw, fetched_ms=wall_ms())
        except PoisonMessage as error:
            raise Transient(str(error)) from error

    async def days(self, coin_id: str, days: int) -> list[CoinDay]:
        """Return a coin's daily history, oldest first; none where it is not known."""
        query: dict[str, str | int] = {"vs_currency": "usd", "days": days, "interval": "daily"}
        raw = await self._get(f"coins/{coin_id}/market_chart", query)
        try:
            return parse_days(raw, coin_id, fetched_ms=wall_ms()) if raw else []
        except PoisonMessage as error:
            raise Transient(str(error)) from error

    async def _get(self, path: str, query: dict[str, str | int]) -> bytes:
        try:
            answer = await self._http.get(
                f"{self._url}/{path}", params=query, headers=self._headers
            )
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise Transient(f"{self._url} does not answer: {error!r}") from error
        if answer.status_code == httpx.codes.OK:
            return answer.content
        if answer.status_code == httpx.codes.NOT_FOUND:
            return b""
        if answer.status_code in REFUSED:
            raise ConfigurationError("CoinGecko refuses the key: correct CANDLEWICK_COINS__KEY")
        wait_s = 1.0
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            told = answer.headers.get("Retry-After", "")
            wait_s = float(told) if told.isdecimal() else WAIT_S
        raise Transient(f"{self._url} answered {answer.status_code}", retry_after_s=wait_s)
