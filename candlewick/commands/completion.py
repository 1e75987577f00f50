"""`candlewick completion`: what a shell needs to complete commands and options."""

from enum import StrEnum
from typing import Annotated, Final

import typer
from typer._completion_shared import get_completion_script

PROGRAM: Final = "candlewick"
COMPLETE: Final = "_CANDLEWICK_COMPLETE"  # set by the script when the shell asks


class Shell(StrEnum):
    """The shells that can be told."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(shell: Annotated[Shell, typer.Argument(help="Your shell.")]) -> None:
    """Print what makes a shell complete commands and options.

    For bash, into ~/.bashrc: eval "$(candlewick completion bash)". For zsh, into ~/.zshrc, after
    compinit: eval "$(candlewick completion zsh)". For fish: candlewick completion fish >
    ~/.config/fish/completions/candlewick.fish.
    """
    typer.echo(get_completion_script(prog_name=PROGRAM, complete_var=COMPLETE, shell=shell))
