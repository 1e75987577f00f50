"""`candlewick backup`: copies everything of the local stack into one file."""

import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from candlewick.backup import size_of, write_backup
from candlewick.stack.local_settings import stack_folder
from candlewick.stack.orphans import leftovers
from candlewick.terminal.exit_codes import WRONG
from clients.process import when_told_to_end
from schemas.errors import ConfigurationError
from schemas.settings import load_settings


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write, for example candlewick.tar.")],
) -> None:
    """Copy everything of the stack into one file: all data, users, models and passwords.

    The stack must be down. Keep the file as you keep passwords.
    """
    settings = load_settings()
    folder = stack_folder(settings)
    if not folder.credentials.exists():
        raise ConfigurationError(f"{folder.root} has no stack in it: start one first")
    # `candlewick down` ends whoever holds the folder; half a copy must not stay behind.
    when_told_to_end(lambda *_: sys.exit(WRONG))
    with folder.held():
        if leftovers(folder):
            raise ConfigurationError(
                f"processes of a killed stack still write into {folder.root}: end them with "
                "`candlewick down`"
            )
        size, made_ms = size_of(folder.root), time.time_ns() // 10**6
        typer.echo(f"copying {size / 1e6:,.0f} MB from {folder.root}")
        made = write_backup(
            folder.root, file, size=size, program=version("candlewick"), made_ms=made_ms
        )
    typer.echo(f"wrote {file}: {len(made.sha256):,} files, {made.size / 1e6:,.0f} MB")
    if settings.api.users_url is not None:
        typer.echo("not in it: the users, who are in a database of yours; back it up too")
