import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import topics
from schemas.codecs import encode
from schemas.dead_letters import Origin, letter_of
from schemas.errors import PoisonMessage
from schemas.market import Candle, Gap, empty_block
from schemas.rules.checks import LATEST_MS
from sinks.batches import NO_MESSAGE, Batch
from sinks.delivery import Delivery
from sinks.rows import candle_row, gap_row, trade_rows
from sinks.tables import BLOCK_READER, CANDLE_READER, TABLES, Rows, Table, dead_letter, reader
from tests.support.builders import START_MS, a_block, a_candle, a_trade
from tests.support.messages import Sent, sent

LETTER_HEADERS = ("reason", "origin-topic", "origin-partition", "origin-offset", "length", "other")


def test_a_trade_is_its_columns_one_after_the_other() -> None:
    trade = a_trade(7, event_ms=1000, price_e8=3, quantity_e8=-4, first_trade_id=20, fills=2)

    rows = trade_rows(replace(a_block([trade]), era=5))

    assert rows == b"\x07BTCUSDT" + struct.pack("<qqiqqqqBi", 7, 20, 2, 1000, 1003, 3, -4, 0, 5)


def test_first_trade_ids_of_a_block_follow_its_fills_and_a_void_record_has_none() -> None:
    trades = [
        a_trade(1, first_trade_id=50, fills=3),
        a_trade(2, first_trade_id=-1, fills=1, quantity_e8=0),
        a_trade(3, first_trade_id=53, fills=1, taker_sold=True),
    ]
    rows = trade_rows(a_block(trades))
    size = len(rows) // 3

    ids = [struct.unpack_from("<qqi", rows, at * size + 8) for at in range(3)]

    assert ids == [(1, 50, 3), (2, -1, 0), (3, 53, 1)]
    assert rows[-5:] == struct.pack("<Bi", 1, 0)


def test_an_empty_block_has_no_rows() -> None:
    block = empty_block(
        "BTCUSDT",
        next_agg_id=1,
        next_trade_id=1,
        received_ms=START_MS,
        watermark_ms=START_MS,
    )

    assert BLOCK_READER(sent(block)).count == 0
    assert BLOCK_READER(sent(block)).data == b""


@given(st.integers(-(2**127), 2**127 - 1))
def test_a_volume_is_sixteen_bytes_little_endian(volume: int) -> None:
    row = candle_row(_candle(volume_e8=volume))

    assert volume.to_bytes(16, "little", signed=True) in row


def test_a_price_variation_that_is_not_known_is_null() -> None:
    known, unknown = candle_row(_candle()), candle_row(_candle(price_variation_e16=None))

    assert len(known) - len(unknown) == 16


@given(st.integers(0, 300))
def test_a_text_comes_after_its_length(length: int) -> None:
    row = gap_row(replace(_gap(reason="x" * length), era=6))
    prefix = bytes([length]) if length < 128 else bytes([length & 127 | 128, length >> 7])

    assert row.endswith(b"found" + struct.pack("<qq", 3, 4) + prefix + b"x" * length + b"\6\0\0\0")


@pytest.mark.parametrize("time_ms", [-1, LATEST_MS, 2**62])
def test_a_record_whose_time_no_table_can_hold_is_poison(time_ms: int) -> None:
    for message, read in (
        (sent(a_block([a_trade(event_ms=time_ms)])), BLOCK_READER),
        (sent(a_candle(open_ms=time_ms)), CANDLE_READER),
        (sent(_gap(changed_ms=time_ms)), reader(Gap, gap_row)),
    ):
        with pytest.raises(PoisonMessage, match="between 2009 and 2100"):
            read(message)


def test_a_number_that_no_table_can_hold_is_poison() -> None:
    with pytest.raises(PoisonMessage, match="volume_e8"):
        CANDLE_READER(sent(_candle(volume_e8=2**127)))
    with pytest.raises(PoisonMessage, match="aggregate id"):
        BLOCK_READER(sent(a_block([a_trade(2**62 + 1)])))


def test_a_record_of_a_table_under_a_foreign_key_or_none_is_poison() -> None:
    for key in (b"ETHUSDT", b""):
        with pytest.raises(PoisonMessage, match="key"):
            CANDLE_READER(sent(a_candle(), key=key))
    with pytest.raises(PoisonMessage, match="no key"):
        CANDLE_READER(replace(sent(a_candle()), named=None))


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_poison(raw: bytes) -> None:
    for table in (table for table in TABLES if table.topic.record is not None):
        with pytest.raises(PoisonMessage):
            table.read(Sent(b"BTCUSDT", raw))


ANY_NUMBER = st.integers(-(2**80), 2**80)
ANY_HEADER = st.tuples(st.sampled_from(LETTER_HEADERS), st.binary(max_size=30))


@given(
    st.binary(max_size=50),
    st.lists(ANY_HEADER | ANY_NUMBER.map(lambda number: ("length", str(number).encode()))),
    st.tuples(ANY_NUMBER, ANY_NUMBER),
    ANY_NUMBER,
)
def test_whatever_stands_in_the_topic_of_dead_letters_is_one_row(
    raw: bytes, headers: list[tuple[str, bytes]], place: tuple[int, int], time_ms: int
) -> None:
    rows = dead_letter(Sent(None, raw, tuple(headers), place, time_ms))

    assert rows.count == 1
    assert len(rows.data) >= 4 + 8 + 8 + 4 + 8 + 8


def test_a_note_that_a_record_was_sent_again_is_no_row_of_the_dead_letters() -> None:
    note = letter_of(b"raw", Origin("unreadable", topics.GAPS.name, 0, 7), retried_ms=START_MS)

    assert dead_letter(Sent(note.key, note.value, note.headers)) == Rows(b"", 0)


@pytest.mark.parametrize(
    ("headers", "numbers"),
    [
        ({"origin-partition": 2**31 - 1, "origin-offset": 2**63 - 1}, (2**31 - 1, 2**63 - 1, 3)),
        ({"origin-partition": 2**31, "origin-offset": 2**63}, (-1, -1, 3)),
        ({"length": 10**19 - 1}, (-1, -1, -1)),
        ({"length": 70_000}, (-1, -1, 70_000)),
    ],
)
def test_a_number_of_a_letter_that_the_table_cannot_hold_is_unknown(
    headers: dict[str, int], numbers: tuple[int, int, int]
) -> None:
    said = tuple((name, str(number).encode()) for name, number in headers.items())
    row = dead_letter(Sent(None, b"raw", said, (2, 5), START_MS)).data

    assert struct.unpack_from("<iqq", row) == (2, 5, START_MS)
    assert struct.unpack_from("<iqq", row, len(row) - 20) == numbers


def test_a_refused_dead_letter_is_the_subject_of_no_other() -> None:
    table = next(table for table in TABLES if table.topic is topics.DEAD_LETTERS)
    letters = Written()

    Delivery(table, "id", 0, Refusing(), letters).deliver(a_refused_batch())
    assert not letters.about

    others = replace(table, topic=topics.GAPS)
    Delivery(others, "id", 0, Refusing(), letters).deliver(a_refused_batch())
    assert letters.about == [0, 1, 2, 3]


def a_refused_batch() -> Batch:
    batch = Batch()
    for offset in range(3):
        batch.append(offset, Sent(None, b"raw"), dead_letter(Sent(None, b"raw")))
    batch.bury(3, NO_MESSAGE, "removed before it was stored")
    return batch


class Refusing:
    """A store that takes nothing."""

    def insert(self, _table: Table, rows: bytes, *, token: str) -> None:  # noqa: ARG002
        raise PoisonMessage("refused", raw=rows)


class Written:
    """The dead letters that were sent, by the offset that each is about."""

    def __init__(self) -> None:
        self.about: list[int] = []

    def send(self, _raw: bytes, origin: Origin) -> None:
        self.about.append(origin.offset)


@given(st.data())
def test_a_damaged_record_is_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    raw = bytearray(encode(a_block([a_trade(1), a_trade(2)])))
    at = data.draw(st.integers(5, len(raw) - 1))
    raw[at] = data.draw(st.integers(0, 255))
    cut = bytes(raw[: data.draw(st.integers(5, len(raw)))])

    try:
        rows = BLOCK_READER(Sent(b"BTCUSDT", cut))
    except PoisonMessage:
        return
    assert len(rows.data) >= rows.count


def _candle(**changes: int | None) -> Candle:
    return replace(a_candle(), **changes)  # type: ignore[arg-type]


def _gap(*, reason: str = "", changed_ms: int = 4) -> Gap:
    return Gap("BTCUSDT", 1, 2, -1, -1, "found", 3, changed_ms, reason)
