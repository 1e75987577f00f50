"""Records to bytes and back: Confluent framing around Avro.

Byte 0 is zero, four bytes of schema id follow (big-endian), then the Avro body.
Source: Confluent, "Schema Registry wire format"; Apache Avro 1.11 specification.
"""

import io
from collections.abc import Callable
from typing import Any, TypeVar, cast

import fastavro
import numpy as np

from schemas.coins import Coin, CoinDay
from schemas.contracts import Contract, contract_of, contract_with_id
from schemas.errors import PoisonMessage
from schemas.history import ArchiveFile, History, Hole
from schemas.market import Candle, Gap, TradeBlock
from schemas.predictions import ModelVersion, Prediction, Score, TrainingRequest

RecordT = TypeVar("RecordT")
Fields = dict[str, Any]
Record = (
    TradeBlock
    | Candle
    | Gap
    | Hole
    | ArchiveFile
    | History
    | Coin
    | CoinDay
    | Prediction
    | Score
    | ModelVersion
    | TrainingRequest
)
FRAME_BYTES = 5
_DECIMALS = {  # attribute of Candle: field of the contract
    "open_e8": "open",
    "high_e8": "high",
    "low_e8": "low",
    "close_e8": "close",
    "volume_e8": "volume",
    "quote_volume_e8": "quote_volume",
    "taker_buy_volume_e8": "taker_buy_volume",
    "taker_buy_quote_volume_e8": "taker_buy_quote_volume",
    "price_variation_e16": "price_variation",
}
_COLUMNS = {
    "event_ms": "<i8",
    "price_e8": "<i8",
    "quantity_e8": "<i8",
    "fills": "<i4",
    "taker_sold": "u1",
}


def encode(record: Record) -> bytes:
    """Return the message of a record, by the newest contract of its type."""
    contract = contract_of(type(record))
    body = io.BytesIO()
    body.write(b"\x00" + contract.schema_id.to_bytes(4))
    fastavro.schemaless_writer(body, contract.wire_schema, _TO_WIRE[type(record)](record))
    return body.getvalue()


def decode(record: type[RecordT], raw: bytes) -> RecordT:
    """Return the record of a message.

    Raises:
        PoisonMessage: Not framed Avro, cut short, or of another type than ``record``.
        ContractMismatch: Framed, but with a schema id that this version does not know.
    """
    contract = _contract_in(raw)
    if contract.record is not record:
        raise PoisonMessage(f"expected {record.__name__}, found {contract.name}", raw=raw)
    try:
        body = io.BytesIO(raw)
        body.seek(FRAME_BYTES)
        fields: Any = fastavro.schemaless_reader(body, contract.wire_schema, None)
        return cast("RecordT", _FROM_WIRE[record](fields))
    except (EOFError, IndexError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise PoisonMessage(f"{contract.name} unreadable: {error!r}", raw=raw) from error


def _contract_in(raw: bytes) -> Contract:
    if len(raw) < FRAME_BYTES or raw[0] != 0:
        raise PoisonMessage("not framed as Avro: byte 0 is not zero", raw=raw)
    return contract_with_id(int.from_bytes(raw[1:FRAME_BYTES]))


def _integer_bytes(value: int) -> bytes:
    return value.to_bytes(value.bit_length() // 8 + 1, signed=True)


def _candle_fields(candle: Candle) -> Fields:
    fields = {name: getattr(candle, name) for name in _CANDLE_PLAIN}
    for attribute, field in _DECIMALS.items():
        value = getattr(candle, attribute)
        fields[field] = None if value is None else _integer_bytes(value)
    return fields


def _candle_from(fields: Fields) -> Candle:
    for attribute, field in _DECIMALS.items():
        value = fields.pop(field)
        fields[attribute] = None if value is None else int.from_bytes(value, signed=True)
    return Candle(**fields)


def _block_fields(block: TradeBlock) -> Fields:
    fields = {name: getattr(block, name) for name in _BLOCK_PLAIN}
    for name, dtype in _COLUMNS.items():
        fields[name] = getattr(block, name).astype(dtype, copy=False).tobytes()
    return fields


def _block_from(fields: Fields) -> TradeBlock:
    for name, dtype in _COLUMNS.items():
        fields[name] = np.frombuffer(fields[name], dtype)
    block = TradeBlock(**fields)
    if any(len(fields[name]) != len(block) for name in _COLUMNS):
        raise ValueError("columns of unequal length")
    return block


def _plain_fields(record: Record) -> Fields:
    fields = {name: getattr(record, name) for name in type(record).__slots__}
    for attribute, field in _INTEGERS[type(record)]:
        value = fields.pop(attribute)
        fields[field] = None if value is None else _integer_bytes(value)
    return fields


def _plain_from(record: type[Any]) -> Callable[[Fields], Any]:
    integers = _integers_of(record)

    def build(fields: Fields) -> Any:  # noqa: ANN401 - an instance of `record`
        for attribute, field in integers:
            value = fields.pop(field)
            fields[attribute] = None if value is None else int.from_bytes(value, signed=True)
        return record(**fields)

    return build


def _integers_of(record: type[Any]) -> tuple[tuple[str, str], ...]:
    names = [name for name in record.__slots__ if name.endswith("_e8")]
    return tuple((name, name.removesuffix("_e8")) for name in names)


def _history_from(fields: Fields) -> History:
    runs = {name: tuple(fields[name]) for name in ("held", "absent")}
    return History(**(fields | runs))


_PLAIN = (
    Gap,
    Hole,
    ArchiveFile,
    Coin,
    CoinDay,
    Prediction,
    Score,
    ModelVersion,
    TrainingRequest,
)
_INTEGERS: dict[type, tuple[tuple[str, str], ...]] = {
    record: _integers_of(record) for record in (*_PLAIN, History)
}
_CANDLE_PLAIN = [name for name in Candle.__slots__ if name not in _DECIMALS]
_BLOCK_PLAIN = [name for name in TradeBlock.__slots__ if name not in _COLUMNS]
_TO_WIRE: dict[type, Callable[[Any], Fields]] = {
    Candle: _candle_fields,
    TradeBlock: _block_fields,
    History: _plain_fields,
    **dict.fromkeys(_PLAIN, _plain_fields),
}
_FROM_WIRE: dict[type, Callable[[Fields], Any]] = {
    Candle: _candle_from,
    TradeBlock: _block_from,
    History: _history_from,
    **{record: _plain_from(record) for record in _PLAIN},
}
