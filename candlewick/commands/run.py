"""`candlewick run`: runs a single process of the pipeline."""

import os
from typing import Annotated, NoReturn

import typer

from candlewick.stack.addresses import Addresses, choose_addresses
from candlewick.stack.environment import environment_of
from candlewick.stack.local_settings import reader_settings, stack_folder, supervisor_settings
from candlewick.stack.programs import Program, pipeline, servers
from candlewick.stack.state import read_state
from schemas.errors import ConfigurationError
from schemas.settings import Settings

MOST_WORKERS = 32
SERVERS = ("kafka", "clickhouse", "exchange")
KNOWN = ", ".join((*SERVERS, *(p.name for p in pipeline(2, grafana=True, notify=True))))


def run(
    name: Annotated[str, typer.Argument(help=f"One of {KNOWN}; up to candles-{MOST_WORKERS}.")],
) -> None:
    """Run one process of the pipeline in the foreground."""
    settings = reader_settings()
    if name in SERVERS:
        addresses = _addresses(settings)
        settings = supervisor_settings(settings, addresses)
        programs = servers(stack_folder(settings), addresses)
    else:
        programs = pipeline(MOST_WORKERS, grafana=True, notify=True)
    become(_find(name, programs), settings)


def become(program: Program, settings: Settings) -> NoReturn:
    """Replace this process by a program with these settings."""
    command = program.command
    os.execvpe(command[0], command, environment_of(settings))  # noqa: S606 - no shell is wanted


def _addresses(settings: Settings) -> Addresses:
    state = read_state(stack_folder(settings).state)
    if state and state.addresses.exchange:
        return state.addresses
    return choose_addresses(settings, live=False)


def _find(name: str, programs: list[Program]) -> Program:
    for program in programs:
        if program.name == name:
            return program
    raise ConfigurationError(f"there is no process {name}: choose one of {KNOWN}")
