"""Checks of Kafka, its topics, the store and its users."""

from collections.abc import Iterator

from api.accounts.authentication import open_gate
from candlewick.doctor.finding import Finding, State
from candlewick.stack.folder import StackFolder
from clients.clickhouse import connect_reader, rows_of
from clients.kafka.topics import deviations
from schemas.migrations import read_migrations, refuse_surprises
from schemas.settings import ClickHouseSettings, KafkaSettings, Settings
from schemas.topics import ALL

_ON_PURPOSE = "nothing, if somebody set it on purpose; else set it with Kafka's own tools"
_APPLIED = "SELECT name, checksum FROM schema_migrations ORDER BY name"


def broker_and_topics(settings: KafkaSettings) -> Iterator[Finding]:
    """Check that Kafka answers, and that each topic is there as the table of topics has it."""
    found = deviations(settings)
    yield Finding("Kafka", State.OK, f"answers at {settings.place}")
    missing = [one.topic for one in found if one.found is None]
    if missing:
        advice = "make them with `candlewick topics create`"
        yield Finding("topics", State.WRONG, f"missing: {', '.join(missing)}", advice)
    for one in found:
        if one.found is not None:
            said = f"{one.topic}: {one.what} is {one.found}, the table of topics says {one.wanted}"
            yield Finding("topics", State.NOTE, said, _ON_PURPOSE)
    if not found:
        yield Finding("topics", State.OK, f"all {len(ALL)} are there, as they should be")


def store(settings: ClickHouseSettings) -> Iterator[Finding]:
    """Check that the store answers, and that its tables are those of this version."""
    with connect_reader(settings) as client:
        version = rows_of(client, "SELECT version()", limit_s=5.0)[0][0]
        yield Finding("ClickHouse", State.OK, f"version {version} answers at {settings.url}")
        applied = {str(name): _text(sum_) for name, sum_ in rows_of(client, _APPLIED, limit_s=5.0)}
    known = read_migrations()
    refuse_surprises(applied, known)
    missing = [one.name for one in known if one.name not in applied]
    if missing:
        said = f"{len(missing)} migrations are missing, from {missing[0]} on"
        yield Finding("tables", State.WRONG, said, "make them with `candlewick migrate`")
    else:
        yield Finding("tables", State.OK, f"all {len(known)} migrations are applied")


def users(settings: Settings, folder: StackFolder) -> Iterator[Finding]:
    """Check that the database of users answers."""
    if settings.api.users_url is None and not (folder.root / "users.db").exists():
        yield Finding("users", State.OK, "none yet: add one with `candlewick users add`")
        return
    with open_gate(settings) as gate:
        count = len(gate.users.all())
    yield Finding("users", State.OK, f"{count} {'user' if count == 1 else 'users'}")


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
