"""`candlewick dead-letters`."""

import sys
from collections import deque
from typing import Annotated

import typer

from candlewick.commands.tail import message_rows
from candlewick.local import reader_settings
from candlewick.quiet_end import quiet_end
from candlewick.row_printer import RowPrinter
from candlewick.topic_reader import TopicReader
from schemas import topics


def dead_letters(
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line, the bytes in hexadecimal.")
    ] = False,
    newest: Annotated[int, typer.Option("-n", min=1, help="At most this many, the newest.")] = 1000,
) -> None:
    """List the records that could not be read: why, where they were, and their bytes."""
    servers = reader_settings().kafka.bootstrap_servers
    with quiet_end():
        reader = TopicReader(servers, topics.DEAD_LETTERS, from_beginning=True)
        found = sorted(reader.until_now(), key=lambda message: message.timestamp()[1])
        kept = deque(found, maxlen=newest)
        printer = RowPrinter(as_json=as_json)
        printer.print(row for m in kept for row in message_rows(topics.DEAD_LETTERS, m))
        if not kept:
            sys.stderr.write("there are no dead letters\n")
