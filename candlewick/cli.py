"""The command line; each command is a function in the module of `candlewick.commands` it names."""

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Annotated

import typer
from typer._completion_classes import completion_init

from candlewick.commands.completion import COMPLETE
from candlewick.terminal.console import one_line_errors
from candlewick.terminal.exit_codes import SHORT
from clients.limits import leave_unanswered

COMMANDS = (
    "demo",
    "up",
    "down",
    "service",
    "backup",
    "restore",
    "status",
    "doctor",
    "logs",
    "run",
    "topics",
    "symbols",
    "migrate",
    "tail",
    "audit",
    "completeness",
    "lifecycle",
    "dead-letters",
    "replay",
    "users",
    "backfill",
    "import",
    "export",
    "evaluate",
    "predictions",
    "scoreboard",
    "train",
    "models",
    "grafana",
    "notify",
    "completion",
)

FUNCTIONS = {"import": "import_file"}  # `import` is a keyword, so no module can have that name


def build_app(names: Sequence[str] = COMMANDS) -> typer.Typer:
    """Build the command line with the commands of these names."""
    completion_init()  # without the options with which typer writes into a shell's own files
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        epilog=SHORT,
        help="Live Binance trades through Kafka to exact 15-minute candles, with proof.",
    )
    app.callback()(_options)
    for name in names:
        function_name = FUNCTIONS.get(name, name.replace("-", "_"))
        command = getattr(import_module(f"candlewick.commands.{function_name}"), function_name)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name)(command)
    return app


def main() -> None:
    """Run a command; an error that the user can act on is printed as one line, with exit code 1."""
    # A shell that starts a program in the background makes it ignore SIGINT; whoever sends it one
    # all the same means it. `down` sends SIGTERM.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    exit_code = _run()
    # Only now the error's frames are gone, and with them answers that were read in part: to close
    # such a one begins a call.
    leave_unanswered(exit_code)
    sys.exit(exit_code)


def _run() -> int:
    """Run what the command line asks for; return its exit code."""
    try:
        with one_line_errors():
            build_app(_wanted(sys.argv, os.environ))()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _wanted(arguments: Sequence[str], environment: Mapping[str, str]) -> Sequence[str]:
    """Name the commands that a call can be about, as only these are imported.

    `status` needs no Kafka client, and a shell that completes a word shall not wait.
    """
    line = environment.get("COMP_WORDS") or environment.get("_TYPER_COMPLETE_ARGS")
    if not line or COMPLETE not in environment:
        return [name for name in arguments[1:2] if name in COMMANDS] or COMMANDS
    first, *others = [*line.split()[1:], ""]
    if others and (others[0] or line[-1].isspace()):
        return [name for name in COMMANDS if name == first] or COMMANDS
    return [name for name in COMMANDS if name.startswith(first)] or COMMANDS


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it with the value
    if wanted:
        typer.echo(f"candlewick {version('candlewick')}")
        raise typer.Exit


def _options(
    *,
    show_version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Accept the options that come before a command."""
