"""CoinGecko's answers: exact numbers, whatever is null, and what is no answer."""

import json
from pathlib import Path

import pytest

import candlewick.exchange
from producers.coingecko.ids import coin_ids
from producers.coingecko.parse import parse_coins, parse_days
from schemas.codecs import decode, encode
from schemas.coins import Coin
from schemas.errors import PoisonMessage
from tests.support.builders import START_MS

RECORDED = Path(candlewick.exchange.__file__).parent / "data" / "coins_markets.json"


def test_recorded_answer_is_read_digit_by_digit() -> None:
    bitcoin = parse_coins(RECORDED.read_bytes(), fetched_ms=7)[0]

    assert (bitcoin.coin_id, bitcoin.ticker, bitcoin.rank) == ("bitcoin", "BTC", 1)
    assert bitcoin.price_e8 == 46_492 * 10**8
    assert bitcoin.atl_change_e8 == 6_846_277_190_000
    assert bitcoin.ath_ms == 1_636_554_251_849


def test_every_recorded_coin_survives_the_wire() -> None:
    coins = parse_coins(RECORDED.read_bytes(), fetched_ms=START_MS)

    assert [decode(Coin, encode(coin)) for coin in coins] == coins
    assert any(coin.max_supply_e8 is None for coin in coins)


def test_number_that_no_float_could_hold_is_exact() -> None:
    row = json.loads(RECORDED.read_bytes())[0]
    raw = json.dumps([row]).replace(str(row["market_cap"]), "123456789012345678.12345678")

    assert parse_coins(raw.encode(), fetched_ms=7)[0].market_cap_e8 == 12345678901234567812345678


@pytest.mark.parametrize("raw", [b"", b"{}", b"[1]", b'{"error":"x"}', b'[{"id":"a"}]'])
def test_what_is_no_answer_is_poison(raw: bytes) -> None:
    with pytest.raises(PoisonMessage):
        parse_days(raw, "bitcoin", fetched_ms=7)
    if raw != b"{}":
        with pytest.raises(PoisonMessage):
            parse_coins(raw, fetched_ms=7)


def test_ids_come_from_the_base_coin_and_from_the_settings() -> None:
    found = coin_ids(("BTCUSDT", "PEPEUSDT", "ETHBTC", "NOBODYUSDT"), {"PEPEUSDT": "pepe"})

    assert found == {"BTCUSDT": "bitcoin", "PEPEUSDT": "pepe", "ETHBTC": "ethereum"}
