"""`candlewick migrate`."""

import typer

from candlewick.clickhouse_admin import apply_migrations
from candlewick.local import reader_settings


def migrate() -> None:
    """Bring ClickHouse's database and tables up to date."""
    applied = apply_migrations(reader_settings().clickhouse)
    text = f"applied {', '.join(applied)}" if applied else "everything was up to date"
    typer.echo(text)
