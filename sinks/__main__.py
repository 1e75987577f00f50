"""Sinks: copy the records of Kafka's topics into ClickHouse until stopped (``python -m sinks``)."""

import argparse
import os
import sys

from clients.kafka.dead_letters import DeadLetters
from clients.kafka.group import GroupOffsets, InputWaits
from clients.kafka.member_name import MemberName, name_on_this_host
from clients.kafka.topics import topic_ids
from clients.kafka.unread import Unread
from clients.process import Ending, Progress, leave
from clients.watching.begin import begin_watching
from schemas import topics
from schemas.errors import CandlewickError, RestartNeeded
from schemas.settings import Settings, load_settings
from sinks.clickhouse import ClickHouse
from sinks.consumer import GROUP, sink_consumer
from sinks.delivery import READER, Delivery
from sinks.drain import Drain
from sinks.refused_trades import LetterDelivery, Patience
from sinks.tables import HISTORY, Table, tables_with

HISTORY_NICENESS = 5
_NAMES = {"all": "sink", "live": "sink", "history": "sink-history"}
STALL_S = 30.0  # a rebalance of the group takes about ten seconds


def main() -> None:
    """Run the sinks; an error that a person must fix prints one line and exits with code 1."""
    arguments = _arguments()
    if arguments.part == "history":
        os.nice(HISTORY_NICENESS)
    ending = Ending()
    ending.watch()
    try:
        settings = load_settings()
        begin_watching(settings, arguments.instance or _NAMES[arguments.part])
        _run(settings, arguments.part, arguments.instance, ending)
    except CandlewickError as error:
        sys.exit(f"sinks: {error}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sinks", description=__doc__)
    parser.add_argument(
        "--instance",
        default=name_on_this_host("sink"),
        help="name of this process among the sinks, unique there (%(default)s): a restart with the "
        "same name gets its partitions back at once instead of after 6 s",
    )
    parser.add_argument(
        "--part",
        choices=("all", "live", "history"),
        default="all",
        help="run live and history in two processes, so that millions of past records do not "
        "delay the live ones",
    )
    return parser.parse_args()


def _run(settings: Settings, part: str, instance: str, ending: Ending) -> None:
    group = f"{GROUP}-history" if part == "history" else GROUP
    name = MemberName(settings.kafka, group, instance, settings.data_dir)
    name.take()
    try:
        _drain(settings, group, instance, part).run(ending.is_asked)
    except RestartNeeded as error:
        name.lost()
        leave(str(error))


def _drain(settings: Settings, group: str, instance: str, part: str) -> Drain:
    kafka = settings.kafka
    tables = tuple(
        table
        for table in tables_with(settings.sinks)
        if part == "all" or (table.topic in HISTORY) == (part == "history")
    )
    names = [table.topic.name for table in tables]
    ids = topic_ids(kafka, names)
    store, letters = ClickHouse(settings.clickhouse), DeadLetters(kafka, reader=READER)

    offsets, patience = GroupOffsets(kafka), Patience()

    def stored() -> dict[int, int]:
        committed = offsets.committed(group).items()
        return {place[1]: offset for place, offset in committed if place[0] == topics.TRADES.name}

    def route(table: Table, *, partition: int) -> Delivery:
        way = (table, ids[table.topic.name], partition, store, letters)
        if table.topic is topics.DEAD_LETTERS:
            return LetterDelivery(*way, remover=store, stored=stored, patience=patience)
        return Delivery(*way)

    consumer = sink_consumer(
        kafka, instance=instance, group=group, fetch_wait_ms=settings.sinks.fetch_wait_ms
    )
    drain = Drain(consumer, tables, route)
    waits = InputWaits(offsets, group, names, except_for=drain.standing)
    progress = Progress(STALL_S, lambda: not drain.is_delivering and waits())
    drain.attempted = progress.attempted
    progress.watch()
    Unread(offsets, drain.read_to).watch()
    return drain


if __name__ == "__main__":
    main()
