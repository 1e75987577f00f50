"""`candlewick logs`: shows the logs of the processes."""

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from candlewick.stack.local_settings import stack_folder
from candlewick.stack.log_files import Follower, last_lines
from schemas.errors import ConfigurationError
from schemas.settings import load_settings

POLL_S = 0.2


def logs(
    name: Annotated[str | None, typer.Argument(help="Name of a process; default: all.")] = None,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="Lines of each process.")] = 20,
) -> None:
    """Show the newest log lines of the processes."""
    paths = _paths(stack_folder(load_settings()).logs, name)
    width = 0 if name else max(len(path.stem) for path in paths)
    for path in paths:
        _write(path, last_lines(path, lines), width)
    if follow:
        _follow(paths, width)


def _paths(folder: Path, name: str | None) -> list[Path]:
    found = sorted(folder.glob("*.log"))
    chosen = [path for path in found if name in {None, path.stem}]
    if chosen:
        return chosen
    if not found:
        raise ConfigurationError(
            f"no logs in {folder}: start the pipeline with `candlewick up`; in containers ask "
            "`docker compose logs`, on Kubernetes `kubectl logs`"
        )
    known = ", ".join(path.stem for path in found)
    raise ConfigurationError(f"no log of {name}: choose one of {known}")


def _follow(paths: list[Path], width: int) -> None:
    followers = [(path, Follower(path)) for path in paths]
    try:
        while True:
            for path, follower in followers:
                _write(path, follower.new_lines(), width)
            sys.stdout.flush()
            time.sleep(POLL_S)
    except KeyboardInterrupt:
        return


def _write(path: Path, lines: list[str], width: int) -> None:
    label = f"{path.stem:<{width}} | " if width else ""
    sys.stdout.writelines(f"{label}{line}\n" for line in lines)
