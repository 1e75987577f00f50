"""Conversion of topic records to flat rows, for tables and JSON. Pure."""

from collections.abc import Iterator
from dataclasses import asdict, fields

import orjson

from candlewick.dead_letters import Buried
from schemas.codecs import KafkaMessage, record_in
from schemas.decimals import plain
from schemas.market import NO_TRADE_ID, Candle, Gap, TradeBlock
from schemas.predictions import ModelVersion
from schemas.topics import Topic

Row = dict[str, str | int | bool | None]
_PLACES = {"_e8": 8, "_e16": 16}


def rows_of(topic: Topic, message: KafkaMessage) -> Iterator[Row]:
    """Yield the rows of a message: one for each trade of a block, otherwise one.

    Raises:
        PoisonMessage: The message cannot be decoded.
        ContractMismatch: This version does not know the message's contract.
    """
    if topic.record is TradeBlock:
        yield from _trades(record_in(TradeBlock, message))
    elif topic.record is not None:
        yield _flat(record_in(topic.record, message))


def letter_row(buried: Buried) -> Row:
    """Return the row of a dead letter, with its bytes as hexadecimal text."""
    letter = buried.letter
    return {
        "name": buried.name,
        "sent_ms": buried.sent_ms,
        "topic": letter.origin.topic,
        "partition": letter.origin.partition,
        "offset": letter.origin.offset,
        "reason": letter.origin.reason,
        "readers": " ".join(buried.readers),
        "retried_ms": buried.retried_ms,
        "source": letter.origin.source,
        "length": letter.length,
        "sha256": letter.sha256,
        "raw": letter.value.hex(),
    }


def version_row(event: ModelVersion) -> dict[str, object]:
    """Return the row of an event of a model, with its evidence as an object."""
    try:
        details = orjson.loads(event.details)
    except orjson.JSONDecodeError:
        details = event.details
    return asdict(event) | {"details": details}


def _trades(block: TradeBlock) -> Iterator[Row]:
    next_id = block.first_trade_id
    columns = zip(
        block.event_ms.tolist(),
        block.price_e8.tolist(),
        block.quantity_e8.tolist(),
        block.fills.tolist(),
        block.taker_sold.tolist(),
        strict=True,
    )
    for agg_id, (event_ms, price_e8, quantity_e8, fills, sold) in enumerate(
        columns, block.first_agg_id
    ):
        yield {
            "symbol": block.symbol,
            "agg_id": agg_id,
            "event_ms": event_ms,
            "price": plain(price_e8),
            "quantity": plain(quantity_e8),
            "taker_sold": bool(sold),
            "fills": fills,
            "first_trade_id": next_id if fills else NO_TRADE_ID,
            "last_trade_id": next_id + fills - 1 if fills else NO_TRADE_ID,
            "received_ms": block.received_ms,
            "era": block.era,
        }
        next_id += fills


def _flat(record: Candle | Gap) -> Row:
    return dict(_plain_field(f.name, getattr(record, f.name)) for f in fields(record))


def _plain_field(name: str, value: str | int | None) -> tuple[str, str | int | None]:
    for suffix, places in _PLACES.items():
        if name.endswith(suffix):
            number = None if value is None else plain(int(value), places=places)
            return name.removesuffix(suffix), number
    return name, value
