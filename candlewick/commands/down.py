"""`candlewick down`: stops the pipeline."""

import time

import psutil
import typer

from candlewick.stack.folder import LOOK_S, StackFolder
from candlewick.stack.local_settings import stack_folder
from candlewick.stack.orphans import end_leftovers
from candlewick.stack.process_identity import END_S, PATIENCE_S, Identity, tolerate_gone
from schemas.errors import ConfigurationError
from schemas.settings import load_settings

LOOK_AGAIN_S = 0.05


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
    if holder := _holder(folder):
        _end_holder(folder, holder)
        return "stopped"
    if found := end_leftovers(folder):
        return f"stopped {found} processes that a killed supervisor had left running"
    return "nothing runs"


def _holder(folder: StackFolder) -> Identity | None:
    """Return the supervisor, by the lock file: the state file may be broken. None if none runs."""
    deadline = time.monotonic() + LOOK_S
    while folder.is_held():
        if found := folder.holder():
            return found
        if time.monotonic() > deadline:  # who has just locked the folder has written its id by now
            raise ConfigurationError(f"{folder.held_elsewhere}: stop it there")
        time.sleep(LOOK_AGAIN_S)
    return None


def _end_holder(folder: StackFolder, holder: Identity) -> None:
    if process := holder.find():
        tolerate_gone(process.terminate)
    deadline = time.monotonic() + END_S
    while process and holder.find():
        if time.monotonic() > deadline:
            tolerate_gone(process.kill)
            psutil.wait_procs([process], timeout=PATIENCE_S)
            end_leftovers(folder)
            break
        time.sleep(LOOK_AGAIN_S)
    deadline = time.monotonic() + LOOK_S
    while folder.is_held():
        if time.monotonic() > deadline:
            raise ConfigurationError(
                f"process {holder.pid} was told to end, and {folder.root} is held still or again: "
                "stop what starts the stack anew, then try again"
            )
        time.sleep(LOOK_AGAIN_S)
