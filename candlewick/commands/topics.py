"""`candlewick topics`: lists and creates the topics of Kafka."""

import typer
from rich.console import Console
from rich.table import Table

from candlewick.stack.local_settings import reader_settings
from candlewick.terminal.json_lines import AsJson, print_json
from candlewick.terminal.whole_tables import print_whole
from candlewick.terminal.wide_console import wide_console
from clients.kafka.topics import create_topics
from schemas.timeframe import DAY_MS
from schemas.topics import ALL, Cleanup, Topic

topics = typer.Typer(no_args_is_help=True, help="Kafka topics: list them, create missing ones.")


@topics.command("list")
def list_topics(*, as_json: AsJson = False) -> None:
    """Show each topic's content, retention, writers and readers."""
    if as_json:
        print_json(map(_row, ALL))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("topic", no_wrap=True)
    for heading in ("carries", "kept", "written by", "read by"):
        table.add_column(heading)
    for topic in ALL:
        table.add_row(topic.name, topic.purpose, _kept(topic), topic.written_by, topic.read_by)
    print_whole(wide_console(), table, spare=("written by", "read by"))


@topics.command()
def create() -> None:
    """Create missing topics, with the partitions and replicas of the settings."""
    made = create_topics(reader_settings().kafka)
    Console(highlight=False).print(f"created {', '.join(made)}" if made else "nothing was missing")


def _row(topic: Topic) -> dict[str, object]:
    return {
        "topic": topic.name,
        "carries": topic.purpose,
        "cleanup": topic.cleanup,
        "kept_days": _kept_days(topic),
        "written_by": topic.written_by,
        "read_by": topic.read_by,
    }


def _kept(topic: Topic) -> str:
    if topic.cleanup is Cleanup.COMPACT:
        return "newest of a key"
    days = _kept_days(topic)
    return "for ever" if days is None else f"{days} days"


def _kept_days(topic: Topic) -> int | None:
    is_limited = topic.cleanup is not Cleanup.COMPACT and topic.retention_ms >= 0
    return topic.retention_ms // DAY_MS if is_limited else None
