"""Symbols of another script pass every border, as the exchange has them since 2025-12."""

from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import QueryParams

from api.http.parameters import SymbolName
from candlewick.exchange.server.archive_names import file_of
from candlewick.exchange.server.query_params import symbol_of
from candlewick.offline.replay.sources import sources_of
from clients.kafka.partition import partition_of
from producers.binance.archive_names import day_file, named
from producers.binance.parse import parse_frame
from schemas.codecs import message_of, record_in
from schemas.market import Trade, TradeBlock
from schemas.timeframe import Interval
from sinks.rows import trade_rows
from tests.support.builders import START_MS, a_block
from tests.support.messages import Sent

SYMBOL = "币安人生USDT"
FRAMES = (Path(__file__).parents[2] / "data" / "cases" / "unicode-frames.jsonl").read_bytes()


def trades() -> list[Trade]:
    found = [parse_frame(line).value for line in FRAMES.splitlines()]
    assert all(isinstance(one, Trade) for one in found)
    return [one for one in found if isinstance(one, Trade)]


def test_frames_are_read_and_survive_kafka_and_reach_a_row() -> None:
    block = a_block(trades())
    message = message_of(block)
    read = record_in(TradeBlock, Sent(message.key, message.value, message.headers))

    assert {trade.symbol for trade in trades()} == {SYMBOL}
    assert read.symbol == SYMBOL
    assert message.key.decode() == SYMBOL
    assert SYMBOL.encode() in trade_rows(read)
    assert 0 <= partition_of(SYMBOL, 4) < 4


def test_archive_names_are_built_and_read() -> None:
    file = day_file(SYMBOL, Interval.ONE_MINUTE, START_MS)

    assert named(file.name, SYMBOL, Interval.ONE_MINUTE) == file
    served = file_of(f"/{file.path}")
    assert served is not None
    assert served[0].symbol == SYMBOL


def test_replay_takes_the_symbol_from_a_capture_and_from_a_files_name(tmp_path: Path) -> None:
    capture, archive = tmp_path / "frames.jsonl", tmp_path / f"{SYMBOL}-aggTrades-2025-12-06.csv"
    capture.write_bytes(FRAMES)
    archive.write_text("500,0.1500,1000.0,900,900,1765000000000,True,True\n", "utf-8")

    assert [one.symbol for one in sources_of(capture, None)] == [SYMBOL]
    assert [one.symbol for one in sources_of(archive, None)] == [SYMBOL]


def test_api_takes_it_in_any_case_and_form_of_unicode() -> None:
    names: TypeAdapter[str] = TypeAdapter(SymbolName)

    assert names.validate_python("币安人生usdt") == SYMBOL
    assert names.validate_python("e\u0301usdt") == "\u00c9USDT"
    for wrong in ("BTC-USDT", "", "A", "A" * 65, "BTC USDT", "a_b"):
        with pytest.raises(ValidationError):
            names.validate_python(wrong)


def test_simulated_exchange_takes_it_as_a_parameter() -> None:
    assert symbol_of(QueryParams({"symbol": SYMBOL}), frozenset({SYMBOL})) == SYMBOL
