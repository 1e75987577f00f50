"""``python -m sinks``: empties the market's topics into ClickHouse until it is told to stop."""

import argparse
import logging
import signal
import sys
import threading

from schemas.errors import CandlewickError
from schemas.settings import Settings, load_settings
from sinks.clickhouse import ClickHouse
from sinks.delivery import Delivery
from sinks.drain import Drain
from sinks.kafka import DeadLetters, sink_consumer, topic_ids
from sinks.tables import TABLES, Table


def main() -> None:
    """Run the sinks; an error that a person must solve is one line, and exit code 1."""
    arguments = _arguments()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    try:
        settings = load_settings()
        logging.basicConfig(
            level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
        )
        logging.getLogger("clickhouse_connect").setLevel(logging.CRITICAL)
        _drain(settings, arguments.instance).run(stopping.is_set)
    except CandlewickError as error:
        sys.exit(f"sinks: {error}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sinks", description=__doc__)
    parser.add_argument(
        "--instance",
        help="name of this process among the sinks: restarted under it, it has its partitions "
        "back at once instead of after 6 s",
    )
    return parser.parse_args()


def _drain(settings: Settings, instance: str | None) -> Drain:
    servers = settings.kafka.bootstrap_servers
    ids = topic_ids(servers, [table.topic.name for table in TABLES])
    store, letters = ClickHouse(settings.clickhouse), DeadLetters(servers)

    def route(table: Table, *, partition: int) -> Delivery:
        return Delivery(table, ids[table.topic.name], partition, store, letters)

    return Drain(sink_consumer(servers, instance=instance), TABLES, route)


if __name__ == "__main__":
    main()
