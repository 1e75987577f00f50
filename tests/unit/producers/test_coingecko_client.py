"""What CoinGecko's refusals mean, with a key and without."""

import asyncio

import httpx
import pytest
from pydantic import SecretStr

from producers.coingecko.client import REFUSED_S, CoinGecko
from schemas.errors import CandlewickError, ConfigurationError, Transient
from schemas.settings import CoinsSettings

PAGE = b"<!DOCTYPE html><title>Attention Required! | Cloudflare</title>"
REFUSAL = b'{"status":{"error_code":10002,"error_message":"API Key Missing"}}'


def refused(status: int, body: bytes, *, key: str) -> CandlewickError:
    async def run() -> None:
        transport = httpx.MockTransport(lambda _: httpx.Response(status, content=body))
        async with httpx.AsyncClient(transport=transport) as http:
            await CoinGecko(CoinsSettings(key=SecretStr(key)), http).coins(["bitcoin"])

    with pytest.raises(CandlewickError) as caught:
        asyncio.run(run())
    return caught.value


@pytest.mark.parametrize("body", [PAGE, REFUSAL])
def test_refusal_without_a_key_is_waited_out_and_says_nothing_of_a_wrong_key(body: bytes) -> None:
    error = refused(403, body, key="")

    assert isinstance(error, Transient)
    assert error.retry_after_s == REFUSED_S
    assert "rejects the key" not in str(error)


@pytest.mark.parametrize("body", [PAGE, b"error code: 1020", b""])
def test_firewall_in_front_of_coingecko_is_not_a_wrong_key(body: bytes) -> None:
    assert isinstance(refused(403, body, key="CG-key"), Transient)


def test_no_coin_is_asked_for_where_none_is_wanted() -> None:
    async def run() -> None:
        transport = httpx.MockTransport(lambda asked: pytest.fail(str(asked.url)))
        async with httpx.AsyncClient(transport=transport) as http:
            assert await CoinGecko(CoinsSettings(), http).coins([]) == []

    asyncio.run(run())


@pytest.mark.parametrize("status", [401, 403])
def test_key_that_coingecko_rejects_must_be_corrected(status: int) -> None:
    assert isinstance(refused(status, REFUSAL, key="CG-key"), ConfigurationError)
