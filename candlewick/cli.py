"""The command line. A command is a function in the module of its name in `candlewick.commands`."""

import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Annotated

import typer

from candlewick.terminal.console import one_line_errors

COMMANDS = (
    "demo",
    "up",
    "down",
    "status",
    "logs",
    "run",
    "topics",
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
    "evaluate",
    "predictions",
    "scoreboard",
    "train",
    "models",
    "grafana",
)

FUNCTIONS = {"import": "import_file"}  # a word of Python names neither module nor function


def build_app(names: Sequence[str] = COMMANDS) -> typer.Typer:
    """Return the command line with these commands."""
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
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
    """Run a command; an error that a person can act on is one line and exit code 1."""
    # A shell that starts us in the background tells us to ignore Ctrl-C; `down` and tests send it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with one_line_errors():
        # Only what is called is imported: `status` needs no Kafka client.
        called = [name for name in sys.argv[1:2] if name in COMMANDS]
        build_app(called or COMMANDS)()


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
    """Take the options that stand before a command."""
