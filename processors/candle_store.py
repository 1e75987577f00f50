"""The record of one symbol in the candle worker's state table."""

from base64 import b64decode, b64encode
from dataclasses import dataclass

import orjson

from processors.candle_state import CandleState, dump_state, load_state
from schemas.errors import ContractMismatch

_VERSION = 1


@dataclass(frozen=True, slots=True)
class CandleRecord:
    """What a symbol's candles are built from.

    Attributes:
        offset: Of the newest input message that the state holds.
        state: The reducer's memory.
        outbox: Encoded closed candles that Kafka has not acknowledged yet, oldest first.
    """

    offset: int
    state: CandleState
    outbox: tuple[bytes, ...] = ()


def dump_record(record: CandleRecord) -> bytes:
    """Return the bytes of a record."""
    outbox = [b64encode(candle).decode() for candle in record.outbox]
    return orjson.dumps([_VERSION, record.offset, dump_state(record.state), outbox])


def load_record(raw: bytes) -> CandleRecord:
    """Return the record that `dump_record` wrote.

    Raises:
        ContractMismatch: It is of another version.
    """
    try:
        version, offset, state, outbox = orjson.loads(raw)
        if version == _VERSION:
            return CandleRecord(offset, load_state(state), tuple(map(b64decode, outbox)))
    except (ValueError, TypeError) as error:
        raise ContractMismatch(f"the candle state is unreadable: {error!r}") from error
    raise ContractMismatch(f"the candle state is of version {version}, this one reads {_VERSION}")
