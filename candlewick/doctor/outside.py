"""Checks of what is reached over the network: the exchange, its clock, CoinGecko, proxies."""

import time
from collections.abc import Iterator
from typing import Final
from urllib.request import getproxies

import httpx

from candlewick.doctor.finding import Finding, State
from clients.http import open_blocking_http
from clients.limits import within
from schemas.errors import Transient
from schemas.settings import BinanceSettings, CoinsSettings

ANSWER_S: Final = 10.0
FAR_MS: Final = 1_000
_REACH: Final = "check the network, its firewall and HTTPS_PROXY"


def exchange(settings: BinanceSettings) -> Iterator[Finding]:
    """Check that the exchange answers, and how far this machine's clock is from its own."""
    before_s = time.time()
    answer = _asked(f"{settings.rest_url}/api/v3/time")
    if isinstance(answer, str):
        yield Finding("exchange", State.WRONG, f"{settings.rest_url}: {answer}", _REACH)
        return
    middle_ms = (before_s + time.time()) / 2 * 1000
    told_ms = _time_in(answer)
    if told_ms is None:
        said = f"{settings.rest_url} answers {answer.status_code} without a time"
        advice = "check CANDLEWICK_BINANCE__REST_URL; 403 and 451 mean that it is closed to you"
        yield Finding("exchange", State.WRONG, said, advice)
        return
    took_ms = 1000 * answer.elapsed.total_seconds()
    yield Finding("exchange", State.OK, f"{settings.rest_url} answers in {took_ms:.0f} ms")
    offset_ms = told_ms - middle_ms
    said = f"the exchange's is {offset_ms:+,.0f} ms from this machine's"
    if abs(offset_ms) < FAR_MS:
        yield Finding("clock", State.OK, said)
    else:
        advice = "switch on time synchronisation: timedatectl set-ntp true"
        yield Finding("clock", State.NOTE, said, advice)


def coins(settings: CoinsSettings) -> Iterator[Finding]:
    """Check that CoinGecko answers; without it only the coins' characteristics are missing."""
    answer = _asked(f"{settings.url}/ping")
    if isinstance(answer, str):
        yield Finding("CoinGecko", State.NOTE, f"{settings.url}: {answer}", _REACH)
    elif answer.status_code != httpx.codes.OK:
        advice = "wait if it is 429; else check CANDLEWICK_COINS__KEY"
        said = f"{settings.url} answers {answer.status_code}"
        yield Finding("CoinGecko", State.NOTE, said, advice)
    else:
        yield Finding("CoinGecko", State.OK, f"{settings.url} answers")


def proxies() -> Iterator[Finding]:
    """Tell which proxies are used."""
    with open_blocking_http(ANSWER_S):  # refuses an address that is none
        pass
    found = {name: url for name, url in getproxies().items() if name != "no"}
    said = ", ".join(f"{name} by {_bare(url)}" for name, url in sorted(found.items()))
    yield Finding("proxies", State.OK, said or "none")


def _asked(url: str) -> httpx.Response | str:
    """Return the answer to a request, or in a few words why there is none."""

    def ask() -> httpx.Response:
        with open_blocking_http(ANSWER_S) as http:
            return http.get(url)

    try:
        return within(ANSWER_S, url, ask)
    except Transient:
        return f"no answer within {ANSWER_S:.0f} s"
    except httpx.HTTPError as error:
        return str(error) or type(error).__name__


def _time_in(answer: httpx.Response) -> int | None:
    try:
        told = answer.json()["serverTime"]
    except (ValueError, KeyError, TypeError):
        return None
    return told if isinstance(told, int) else None


def _bare(url: str) -> str:
    """Return a proxy's address without user and password."""
    scheme, _, rest = url.rpartition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}" if scheme else rest.rpartition("@")[2]
