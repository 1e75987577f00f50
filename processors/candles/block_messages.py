"""Messages of the trades topic, decoded to blocks and back. Pure."""

from dataclasses import dataclass

from processors.candles.id_jumps import Kept
from schemas import codecs
from schemas.dead_letters import plain_headers
from schemas.market import TradeBlock


@dataclass(frozen=True, slots=True)
class Message:
    """One record of the trades topic."""

    key: bytes | None
    value: bytes | None
    headers: codecs.Headers
    topic: str
    partition: int
    offset: int


def kept_of(message: Message) -> Kept:
    """Return a message together with its decoded block.

    Raises:
        PoisonMessage: As in `schemas.codecs.read`.
        ContractMismatch: As in `schemas.codecs.read`.
    """
    block = codecs.read(TradeBlock, key=message.key, value=message.value, headers=message.headers)
    key, raw = message.key or b"", message.value or b""
    headers = plain_headers(message.headers)
    return Kept(message.partition, message.offset, block, key, raw, headers)


def message_of(kept: Kept, topic: str) -> Message:
    """Return the message that contained a block."""
    return Message(kept.key, kept.value, kept.headers, topic, kept.partition, kept.offset)
