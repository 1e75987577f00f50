"""What other people's programs rely on: contract files, wire format, topics."""

import hashlib
import io
import json
import unicodedata
from dataclasses import replace
from decimal import Decimal
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import codecs, topics
from schemas.contracts import AVRO_FOLDER, RECORDS, contract_named, contract_with_id
from schemas.errors import ContractMismatch, PoisonMessage
from schemas.market import Candle, Gap, GapState, TradeBlock
from tests.support.builders import START_MS, a_block, a_candle, trades_at

RELEASED = {  # a released file is never edited: add a new version beside it
    "trade_block.v1": "42d2ca13c5f5d45d",
    "candle.v1": "a1edcaadbe9ce387",
    "gap.v1": "c6cd9acb9ce70a96",
    "prediction.v1": "d357d17533cc3c83",
    "score.v1": "a82e6b702cd24eaa",
    "model_version.v1": "0c146abd09722d55",
    "training_request.v1": "086275810aae694b",
}
SYMBOLS = st.text(st.characters(categories=["Lu", "Nd"]), min_size=1, max_size=64).filter(
    lambda text: unicodedata.is_normalized("NFC", text)
)
WIDE = st.integers(0, 10**38 - 1)


def a_gap() -> Gap:
    return Gap(
        "BTCUSDT", 5, 9, START_MS, -1, GapState.FOUND.value, START_MS, START_MS, "ids jumped"
    )


@pytest.mark.parametrize(("name", "digest"), RELEASED.items())
def test_a_released_contract_is_as_it_was_released(name: str, digest: str) -> None:
    data = (AVRO_FOLDER / f"{name}.avsc").read_bytes()

    assert hashlib.sha256(data).hexdigest()[:16] == digest


def test_every_contract_file_describes_a_record_of_ours() -> None:
    assert {path.stem for path in AVRO_FOLDER.glob("*.avsc")} == set(RECORDS)


def test_schema_ids_are_the_fingerprints_of_the_files_and_differ() -> None:
    ids = {name: contract_named(name).schema_id for name in RECORDS}
    data = (AVRO_FOLDER / "candle.v1.avsc").read_bytes()

    assert ids["candle.v1"] == int(hashlib.sha256(data).hexdigest()[:8], 16) >> 1
    assert len(set(ids.values())) == len(ids)
    assert all(contract_with_id(ids[name]) is contract_named(name) for name in RECORDS)


def test_people_read_a_candle_with_the_published_schema_alone() -> None:
    raw = codecs.encode(a_candle())
    schema = fastavro.parse_schema(json.loads((AVRO_FOLDER / "candle.v1.avsc").read_text()))

    read: Any = fastavro.schemaless_reader(io.BytesIO(raw[5:]), schema, None)

    assert (read["open"], read["volume"]) == (Decimal(100), Decimal(5))
    assert (read["interval"], read["status"], read["open_ms"]) == ("1m", "complete", START_MS)


@given(WIDE, WIDE, st.one_of(st.none(), WIDE), SYMBOLS, st.integers(0, 2**62 - 3))
def test_candles_survive_the_wire(
    volume: int, quote: int, variation: int | None, symbol: str, trade_id: int
) -> None:
    candle = replace(
        a_candle(),
        symbol=symbol,
        volume_e8=volume,
        quote_volume_e8=quote,
        price_variation_e16=variation,
        first_trade_id=trade_id,
        last_trade_id=trade_id + 3,
    )

    assert codecs.decode(Candle, codecs.encode(candle)) == candle


def test_gaps_and_blocks_survive_the_wire() -> None:
    block = a_block(trades_at(START_MS, START_MS + 1))

    read = codecs.decode(TradeBlock, codecs.encode(block))

    assert codecs.decode(Gap, codecs.encode(a_gap())) == a_gap()
    assert codecs.encode(read) == codecs.encode(block)
    assert read.price_e8.tolist() == block.price_e8.tolist()


def as_version_1(record: Gap | TradeBlock, name: str) -> bytes:
    """A record as a version before eras wrote it."""
    contract = contract_named(name)
    schema = fastavro.parse_schema(json.loads((AVRO_FOLDER / f"{name}.avsc").read_text()))
    body = io.BytesIO()
    body.write(b"\0" + contract.schema_id.to_bytes(4))
    fastavro.schemaless_writer(body, schema, codecs._TO_WIRE[type(record)](record))
    return body.getvalue()


def test_blocks_and_gaps_from_before_eras_are_read_and_are_of_era_0() -> None:
    block, gap = a_block(trades_at(START_MS, START_MS + 1)), a_gap()

    read = codecs.decode(TradeBlock, as_version_1(block, "trade_block.v1"))

    assert codecs.encode(read) == codecs.encode(block)
    assert codecs.decode(Gap, as_version_1(gap, "gap.v1")) == gap
    assert codecs.decode(TradeBlock, codecs.encode(replace(block, era=7))).era == 7
    assert codecs.decode(Gap, codecs.encode(replace(gap, era=7))).era == 7


@given(st.binary(max_size=200))
def test_bytes_that_are_no_record_are_poison(raw: bytes) -> None:
    with pytest.raises(PoisonMessage):
        codecs.decode(Candle, raw)


@pytest.mark.parametrize("record", [a_candle(), a_gap(), a_block(trades_at(START_MS))])
def test_a_record_cut_short_anywhere_is_poison(record: Candle | Gap | TradeBlock) -> None:
    raw = codecs.encode(record)
    for length in range(len(raw)):
        with pytest.raises(PoisonMessage):
            codecs.decode(type(record), raw[:length])


def test_columns_of_unequal_length_are_poison() -> None:
    block = a_block(trades_at(START_MS, START_MS + 1))
    raw = codecs._frame(replace(block, fills=block.fills[:1]))

    with pytest.raises(PoisonMessage, match="unequal"):
        codecs.decode(TradeBlock, raw)


def test_a_record_of_another_contract_is_poison_and_a_newer_one_stops() -> None:
    newer = [("contract", b"candle.v2")]

    with pytest.raises(PoisonMessage, match="expected Candle"):
        codecs.decode(Candle, codecs.encode(a_gap()))
    with pytest.raises(ContractMismatch, match=r"reads candle\.v1, update it"):
        codecs.decode(Candle, b"\x00\x00\x00\x00\x01rest", headers=newer)


@pytest.mark.parametrize("topic", [topics.CANDLES, topics.KLINES, topics.GAPS])
def test_history_is_kept_for_ever(topic: topics.Topic) -> None:
    assert topics.topic_config(topic)["retention.ms"] == "-1"


def test_state_is_compacted_and_never_deleted_by_time() -> None:
    config = topics.topic_config(topics.CANDLE_CHANGELOG)

    assert (config["cleanup.policy"], config["retention.ms"]) == ("compact", "-1")
