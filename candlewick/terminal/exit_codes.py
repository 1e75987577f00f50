"""Exit codes of the commands; `docs/operations.md` has them as a table."""

from typing import Final

from clients.process import START_ME_AGAIN

WRONG: Final = 1
_USAGE: Final = 2  # typer's
INTERRUPTED: Final = 130  # the shell's word for SIGINT: 128 + 2

MEANINGS: Final = {
    0: "done, and nothing is wrong",
    WRONG: "something is wrong: what the command looks for was found, or one line on standard "
    "error says what to do",
    _USAGE: "a wrong option or argument; nothing was done",
    START_ME_AGAIN: "a process ended itself, so that a new one goes on; the stack starts it again",
    INTERRUPTED: "Ctrl-C came before the command was done",
}
SHORT: Final = (
    f"Exit codes: 0 done, {WRONG} something is wrong, {_USAGE} a wrong option, "
    f"{INTERRUPTED} Ctrl-C. More in docs/operations.md, Exit codes."
)
