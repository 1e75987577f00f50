"""Codec between records and Kafka messages: Avro in Confluent framing, checked in both directions.

Byte 0 is zero, four bytes of schema id follow (big-endian), then the Avro body. A header names the
contract, so that a reader can tell a newer version from foreign data.
Source: Confluent, "Schema Registry wire format"; Apache Avro 1.11 specification.
"""

import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from operator import methodcaller
from typing import Any, Final, Protocol, TypeVar, cast

import fastavro
import numpy as np

from schemas.coins import Coin, CoinDay
from schemas.contracts import Contract, contract_of, contract_with_id, refuse_newer
from schemas.errors import PoisonMessage
from schemas.history import ArchiveFile, CrossCheck, History, Hole, IrregularRow
from schemas.market import Candle, Gap, TradeBlock
from schemas.predictions import ModelVersion, Prediction, Score, TrainingRequest
from schemas.symbols import SymbolChoice
from schemas.validation import check_key, key_of, validate

RecordT = TypeVar("RecordT")
Fields = dict[str, Any]
Record = (
    TradeBlock
    | Candle
    | Gap
    | Hole
    | IrregularRow
    | CrossCheck
    | ArchiveFile
    | History
    | Coin
    | CoinDay
    | Prediction
    | Score
    | ModelVersion
    | TrainingRequest
    | SymbolChoice
)
Headers = Mapping[str, bytes | str | None] | Iterable[tuple[str, bytes | str | None]]
FRAME_BYTES = 5
# Not `message.headers()`: once CPython has made a fast call of that, it does not look at the error
# that the client leaves beside its result, and whatever is called next fails in its place.
_asked_headers: Callable[["KafkaMessage"], "Headers | None"] = methodcaller("headers")
CONTRACT_HEADER: Final = "contract"
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


@dataclass(frozen=True, slots=True)
class Message:
    """A Kafka message: encoded key, value and headers of a record."""

    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


def message_of(record: Record) -> Message:
    """Encode a record as a message, with its key and a header that names its contract.

    Raises:
        ValueError: The record cannot be true; see `schemas.validation.validate`.
    """
    return Message(key_of(record).encode(), encode(record), (contract_header(type(record)),))


def contract_header(record: type) -> tuple[str, bytes]:
    """Return the header that names the contract of a record type."""
    return CONTRACT_HEADER, contract_of(record).name.encode()


def encode(record: Record) -> bytes:
    """Encode a record with the newest contract of its type.

    Raises:
        ValueError: The record cannot be true; see `schemas.validation.validate`.
    """
    validate(record)
    return _frame(record)


def _frame(record: Record) -> bytes:
    contract = contract_of(type(record))
    body = io.BytesIO()
    body.write(b"\x00" + contract.schema_id.to_bytes(4))
    fastavro.schemaless_writer(body, contract.wire_schema, _TO_WIRE[type(record)](record))
    return body.getvalue()


class KafkaMessage(Protocol):
    """The parts of a Kafka client's message that a reader needs."""

    def key(self) -> bytes | None:
        """Return the key of the message."""

    def value(self) -> bytes | None:
        """Return the value of the message."""

    def headers(self) -> Headers | None:
        """Return the headers of the message; only `headers_of` calls it."""


def headers_of(message: KafkaMessage) -> Headers:
    """Return the headers of a client's message; none where one has a name that is not UTF-8.

    Kafka takes any bytes as a name. confluent-kafka raises SystemError for them, and a list with
    holes in it the next time: that one is replaced.
    """
    try:
        return _asked_headers(message) or ()
    except (SystemError, UnicodeError):
        cast("Any", message).set_headers([])
        return ()


def record_in(record: type[RecordT], message: KafkaMessage) -> RecordT:
    """Decode the record of a client's message and check its key, as `read` does."""
    return read(record, key=message.key(), value=message.value(), headers=headers_of(message))


def read(
    record: type[RecordT], *, key: bytes | None, value: bytes | None, headers: Headers | None
) -> RecordT:
    """Decode a message's record and check its key; every reader of a topic uses this.

    Raises:
        PoisonMessage: As `decode`, or the key is missing or does not match the record.
        ContractMismatch: As `decode`.
    """
    found = decode(record, value or b"", headers=headers)
    try:
        check_key(found, key)
    except ValueError as error:
        raise PoisonMessage(str(error), raw=value or b"") from error
    return found


def decode(record: type[RecordT], raw: bytes, *, headers: Headers | None = None) -> RecordT:
    """Decode the record in a message's value, without its key.

    Raises:
        PoisonMessage: Not framed Avro, cut short, not a ``record``, of an unknown contract, or a
            record that cannot be true.
        ContractMismatch: Written by a newer version of Candlewick than this one.
    """
    contract = _contract_in(raw, headers)
    if contract.record is not record:
        raise PoisonMessage(f"expected {record.__name__}, found {contract.name}", raw=raw)
    try:
        body = io.BytesIO(raw)
        body.seek(FRAME_BYTES)
        fields: Any = fastavro.schemaless_reader(body, contract.wire_schema, None)
        found = cast("RecordT", _FROM_WIRE[record](fields))
    except (EOFError, IndexError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise PoisonMessage(f"{contract.name} unreadable: {error!r}", raw=raw) from error
    try:
        validate(found)
    except ValueError as error:
        raise PoisonMessage(f"{contract.name} refused: {error}", raw=raw) from error
    return found


def _contract_in(raw: bytes, headers: Headers | None) -> Contract:
    if len(raw) < FRAME_BYTES or raw[0] != 0:
        raise PoisonMessage("not framed as Avro: byte 0 is not zero", raw=raw)
    schema_id = int.from_bytes(raw[1:FRAME_BYTES])
    contract = contract_with_id(schema_id)
    if contract is None:
        refuse_newer(_contract_named_in(headers))
        raise PoisonMessage(f"schema id {schema_id} belongs to no known contract", raw=raw)
    return contract


def _contract_named_in(headers: Headers | None) -> str:
    named = dict(headers or ()).get(CONTRACT_HEADER) or b""
    return named.decode(errors="replace") if isinstance(named, bytes) else named


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
            if field in fields:  # an older contract may lack it
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
    IrregularRow,
    CrossCheck,
    ArchiveFile,
    Coin,
    CoinDay,
    Prediction,
    Score,
    ModelVersion,
    TrainingRequest,
    SymbolChoice,
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
