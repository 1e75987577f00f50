"""The command line. A command is a function in a module of `candlewick.commands`, listed here."""

from importlib.metadata import version
from typing import Annotated

import typer

from candlewick.commands.audit import audit
from candlewick.commands.dead_letters import dead_letters
from candlewick.commands.demo import demo
from candlewick.commands.down import down
from candlewick.commands.logs import logs
from candlewick.commands.migrate import migrate
from candlewick.commands.run import run
from candlewick.commands.status import status
from candlewick.commands.tail import tail
from candlewick.commands.topics import topics
from candlewick.commands.up import up
from candlewick.one_line_errors import one_line_errors

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Live Binance trades through Kafka to exact 15-minute candles, with proof.",
)
for command in (demo, up, down, status, logs, run, migrate, tail, audit, dead_letters):
    app.command()(command)
app.add_typer(topics, name="topics")


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it with the value
    if wanted:
        typer.echo(f"candlewick {version('candlewick')}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    show_version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Take the options that stand before a command."""


def main() -> None:
    """Run a command; an error that a person can act on is one line and exit code 1."""
    with one_line_errors():
        app()
