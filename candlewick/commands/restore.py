"""`candlewick restore`: puts a backup back as the data folder."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from candlewick.backup import read_backup
from candlewick.stack.local_settings import stack_folder
from candlewick.terminal.exit_codes import WRONG
from candlewick.terminal.row_printer import utc
from clients.process import when_told_to_end
from schemas.settings import load_settings


def restore(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="What `candlewick backup` wrote.")
    ],
) -> None:
    """Put a backup back into the data folder, which must be missing or empty.

    Every file is checked first. It starts nothing.
    """
    folder = stack_folder(load_settings())
    when_told_to_end(lambda *_: sys.exit(WRONG))  # half a folder must not stay behind
    made = read_backup(file, folder.root)
    typer.echo(
        f"restored {folder.root} as it was at {utc(made.made_ms)} (candlewick {made.candlewick}): "
        f"{len(made.sha256):,} files, {made.size / 1e6:,.0f} MB; start it with `{folder.starter}`"
    )
