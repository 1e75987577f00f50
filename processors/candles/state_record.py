"""The record of one symbol in the candle worker's state table."""

from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Any, Final

import orjson

from processors.candles.id_jumps import NO_DOUBTS, Doubts, Kept
from processors.candles.state import CandleState, dump_state, load_state
from schemas import codecs
from schemas.errors import ContractMismatch, PoisonMessage
from schemas.market import TradeBlock

_VERSION: Final = 5
_OLDER: Final = (1, 2, 3, 4)  # without doubts; the trade id that is due; eras; later intervals


@dataclass(frozen=True, slots=True)
class CandleRecord:
    """State of one symbol as stored in the table.

    Attributes:
        offset: Offset of the newest input message folded into the record.
        state: The reducer's state.
        outbox: Encoded closed candles that Kafka has not acknowledged yet, oldest first.
        doubts: Input messages that are still undecided.
    """

    offset: int
    state: CandleState
    outbox: tuple[bytes, ...] = ()
    doubts: Doubts = NO_DOUBTS


def dump_record(record: CandleRecord) -> bytes:
    """Return a record as the bytes stored in the table."""
    doubts = record.doubts
    fields = [
        _VERSION,
        record.offset,
        dump_state(record.state),
        [_text(candle) for candle in record.outbox],
        [
            list(map(_dump_kept, doubts.held)),
            list(map(_dump_kept, doubts.strays)),
            doubts.strayed,
            doubts.failures,
        ],
    ]
    return orjson.dumps(fields)


def load_record(raw: bytes) -> CandleRecord:
    """Return the record that `dump_record` wrote, in this version or an earlier one.

    Raises:
        ContractMismatch: The bytes are unreadable or of another version.
    """
    try:
        version, offset, state, outbox, *doubts = orjson.loads(raw)
        if version in (*_OLDER, _VERSION):
            candles = tuple(map(b64decode, outbox))
            return CandleRecord(offset, load_state(state), candles, _load_doubts(doubts))
    except (ValueError, TypeError, PoisonMessage) as error:
        raise ContractMismatch(f"the candle state is unreadable: {error!r}") from error
    raise ContractMismatch(
        f"the candle state is of version {version}, this one reads {_VERSION}: update Candlewick"
    )


def _load_doubts(fields: list[Any]) -> Doubts:
    if not fields:
        return NO_DOUBTS
    ((held, strays, strayed, failures),) = fields
    return Doubts(tuple(map(_load_kept, held)), tuple(map(_load_kept, strays)), strayed, failures)


def _dump_kept(kept: Kept) -> list[Any]:
    headers = [[name, _text(value)] for name, value in kept.headers]
    return [kept.partition, kept.offset, _text(kept.key), _text(kept.value), headers]


def _load_kept(fields: list[Any]) -> Kept:
    partition, offset, key, value, headers = fields
    raw = b64decode(value)
    pairs = tuple((name, b64decode(text)) for name, text in headers)
    block = codecs.decode(TradeBlock, raw)
    return Kept(partition, offset, block, b64decode(key), raw, pairs)


def _text(data: bytes) -> str:
    return b64encode(data).decode()
