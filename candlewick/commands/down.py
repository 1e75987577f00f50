"""`candlewick down`: stops the pipeline."""

import time

import psutil
import typer

from candlewick.stack.folder import StackFolder
from candlewick.stack.local_settings import stack_folder
from candlewick.stack.orphans import end_leftovers
from candlewick.stack.process_identity import END_S, tolerate_gone
from schemas.errors import ConfigurationError
from schemas.settings import load_settings


def down() -> None:
    """Stop the pipeline of this folder; its data is kept."""
    folder = stack_folder(load_settings())
    try:
        typer.echo(_end(folder))
    except psutil.AccessDenied as error:
        raise ConfigurationError(
            f"process {error.pid} of the stack in {folder.root} belongs to another user: stop the "
            "stack as that user"
        ) from error


def _end(folder: StackFolder) -> str:
    """End what runs in a folder, and return what that was."""
    if folder.is_held():
        _end_supervisor(folder)
        return "stopped"
    if found := end_leftovers(folder):
        return f"stopped {found} processes that a killed supervisor had left running"
    return "nothing runs"


def _end_supervisor(folder: StackFolder) -> None:
    # The lock file has the supervisor's id even if the state file is broken.
    supervisor = folder.holder()
    process = supervisor.find() if supervisor else None
    if supervisor is None or process is None:
        if not folder.is_held():  # it has just ended by itself
            return
        raise ConfigurationError(f"the stack in {folder.root} is just starting: try again")
    tolerate_gone(process.terminate)
    deadline = time.monotonic() + END_S
    while supervisor.find():
        if time.monotonic() > deadline:
            tolerate_gone(process.kill)
            end_leftovers(folder)
            return
        time.sleep(0.05)
