"""`candlewick tail`: prints the records of a topic."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields
from itertools import islice
from typing import Annotated

import typer

from candlewick.dead_letters import merged
from candlewick.stack.local_settings import reader_settings
from candlewick.terminal.console import quiet_end
from candlewick.terminal.json_lines import AsJson
from candlewick.terminal.record_rows import Row, letter_row, rows_of
from candlewick.terminal.row_printer import RowPrinter
from clients.kafka.follower import READABLE, TopicFollower, topic_named
from clients.kafka.records import Message
from schemas import topics
from schemas.errors import ConfigurationError, ContractMismatch, PoisonMessage
from schemas.topics import Topic


def tail(
    topic: Annotated[str, typer.Argument(help=f"One of {', '.join(READABLE)}.")],
    *,
    symbol: Annotated[str | None, typer.Option(help="Only this pair, for example BTCUSDT.")] = None,
    as_json: AsJson = False,
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="Start with the oldest record of the topic.")
    ] = False,
    rows: Annotated[int | None, typer.Option("-n", min=1, help="End after this many rows.")] = None,
) -> None:
    """Print the records of a topic as they arrive, one row for each trade, candle or gap."""
    chosen = topic_named(topic)
    if symbol and not _has_symbols(chosen):
        raise ConfigurationError(f"records of {chosen.name} have no symbol: leave out --symbol")
    kafka = reader_settings().kafka
    printer = RowPrinter(as_json=as_json)
    with quiet_end(), suppress(KeyboardInterrupt):  # it has no other end
        follower = TopicFollower(kafka, chosen, from_beginning=from_beginning)
        left = rows
        for messages in follower.follow():
            found = list(islice(_rows(chosen, messages, symbol and symbol.upper()), left))
            printer.print(found)
            left = None if left is None else left - len(found)
            if left == 0:
                return


def _has_symbols(topic: Topic) -> bool:
    return topic.record is not None and any(f.name == "symbol" for f in fields(topic.record))


def _rows(topic: Topic, messages: list[Message], symbol: str | None) -> Iterator[Row]:
    # With another key the symbol is known only once the record is read.
    keys = (None, symbol.encode()) if symbol and topic.key == "symbol" else ()
    for message in messages:
        if not keys or message.key() in keys:
            for row in message_rows(topic, message):
                if symbol is None or row.get("symbol", symbol) == symbol:
                    yield row


def message_rows(topic: Topic, message: Message) -> Iterator[Row]:
    """Yield the rows of a message, or one row with the reason why it cannot be decoded."""
    try:
        if topic is topics.DEAD_LETTERS:
            yield from map(letter_row, merged([message]))
        else:
            yield from rows_of(topic, message)
    except (PoisonMessage, ContractMismatch) as error:
        place = {"partition": message.partition(), "offset": message.offset()}
        yield {"unreadable": str(error), **place}
