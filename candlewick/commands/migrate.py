"""`candlewick migrate`: updates the database, its tables and their retention."""

import typer

from candlewick.stack.local_settings import reader_settings
from candlewick.store.admin import apply_lifecycle, apply_migrations


def migrate() -> None:
    """Update ClickHouse's database and tables, and how long they keep rows."""
    settings = reader_settings()
    applied = apply_migrations(settings.clickhouse)
    changed = apply_lifecycle(settings.clickhouse, settings.lifecycle)
    text = f"applied {', '.join(applied)}" if applied else "everything was up to date"
    kept = f"; changed how long rows are kept in {', '.join(changed)}" if changed else ""
    typer.echo(text + kept)
