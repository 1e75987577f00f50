"""CoinGecko's answers: exact numbers, whatever is null, and what is no answer."""

import json
from pathlib import Path

import pytest

import candlewick.exchange
from producers.coingecko.ids import coin_ids
from producers.coingecko.parse import parse_coins, parse_days
from schemas.codecs import decode, encode
from schemas.coins import Coin, CoinDay
from schemas.errors import PoisonMessage
from tests.support.builders import START_MS

RECORDED = Path(candlewick.exchange.__file__).parent / "data" / "coins_markets.json"


def coins_in(raw: bytes) -> list[Coin]:
    return parse_coins(raw, fetched_ms=START_MS)


def days_in(raw: bytes) -> list[CoinDay]:
    return parse_days(raw, "bitcoin", fetched_ms=START_MS)


def test_recorded_answer_is_read_digit_by_digit() -> None:
    bitcoin = coins_in(RECORDED.read_bytes())[0]

    assert (bitcoin.coin_id, bitcoin.ticker, bitcoin.rank) == ("bitcoin", "BTC", 1)
    assert bitcoin.price_e8 == 46_492 * 10**8
    assert bitcoin.atl_change_e8 == 6_846_277_190_000
    assert bitcoin.ath_ms == 1_636_554_251_849


def test_every_recorded_coin_survives_the_wire() -> None:
    coins = coins_in(RECORDED.read_bytes())

    assert [decode(Coin, encode(coin)) for coin in coins] == coins
    assert any(coin.max_supply_e8 is None for coin in coins)


def test_number_that_no_float_could_hold_is_exact() -> None:
    row = json.loads(RECORDED.read_bytes())[0]
    raw = json.dumps([row]).replace(str(row["market_cap"]), "123456789012345678.12345678")

    assert coins_in(raw.encode())[0].market_cap_e8 == 12345678901234567812345678


@pytest.mark.parametrize("raw", [b"", b"{}", b"1", b'{"error":"x"}', b"[" * 100_000])
def test_what_is_no_answer_is_poison(raw: bytes) -> None:
    with pytest.raises(PoisonMessage):
        days_in(raw)
    with pytest.raises(PoisonMessage):
        coins_in(raw)


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": None},
        {"name": ""},
        {"market_cap_rank": "first"},
        {"current_price": "46492"},
        {"ath_date": "1970-01-01T00:00:00.000Z"},
    ],
    ids=str,
)
def test_odd_coin_is_refused_with_its_reason_and_the_others_are_read(
    wrong: dict[str, object],
) -> None:
    rows = json.loads(RECORDED.read_bytes())
    odd = rows[1] | wrong
    refused: list[PoisonMessage] = []

    coins = parse_coins(
        json.dumps([rows[0], odd, 1, rows[2]]).encode(),
        fetched_ms=START_MS,
        refuse=refused.append,
    )

    assert [coin.coin_id for coin in coins] == [rows[0]["id"], rows[2]["id"]]
    assert [json.loads(error.raw) for error in refused] == [odd, 1]


def test_odd_day_is_refused_and_the_others_are_read() -> None:
    points = [[START_MS, 1], [5, 2], [START_MS + 1, 3]]
    chart = dict.fromkeys(("prices", "market_caps", "total_volumes"), points)
    refused: list[PoisonMessage] = []

    days = parse_days(
        json.dumps(chart).encode(), "bitcoin", fetched_ms=START_MS, refuse=refused.append
    )

    assert [day.at_ms for day in days] == [START_MS, START_MS + 1]
    assert len(refused) == 1


def test_ids_come_from_the_base_coin_and_from_the_settings() -> None:
    found = coin_ids(("BTCUSDT", "PEPEUSDT", "ETHBTC", "NOBODYUSDT"), {"PEPEUSDT": "pepe"})

    assert found == {"BTCUSDT": "bitcoin", "PEPEUSDT": "pepe", "ETHBTC": "ethereum"}
