"""Gives a process of the stack a wrong clock: Python runs this at every start of one.

It stands on PYTHONPATH in a run of chaos only. A process whose name is a file in CHAOS_CLOCKS
starts itself anew with libfaketime, which reads that file every second: what is written there is
how many seconds its clock is wrong, so the clock of a running process jumps too.
"""

import os
import sys
from pathlib import Path

RIGHT = "+0"
LEASH = "candlewick.stack.parent_death"  # before each process, in whose place it comes


def name_of(command: list[str]) -> str:
    """Return a process's name as `candlewick status` shows it; empty if it is none of the stack."""
    if command[1:3] != ["-P", "-m"] or command[3] == LEASH:
        return ""
    for flag in ("--instance", "--name"):
        if flag in command:
            return command[command.index(flag) + 1]
    if command[3].startswith("candlewick."):
        return command[3].removeprefix("candlewick.").removesuffix("_server")
    return command[-1]


def main() -> None:
    """Start anew with a wrong clock, if this process shall have one."""
    folder, library = os.environ.get("CHAOS_CLOCKS"), os.environ.get("CHAOS_LIBFAKETIME")
    name = name_of(sys.orig_argv)
    if not folder or not library or not name or "LD_PRELOAD" in os.environ:
        return
    file = Path(folder) / name
    if not file.exists() or file.read_text().strip() == RIGHT:
        return
    more = {
        "LD_PRELOAD": library,
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # with it, Java's timed waits never end
        "NO_FAKE_STAT": "1",  # files keep their times
    }
    os.execve(sys.executable, sys.orig_argv, os.environ | more)  # noqa: S606 - no shell is wanted


main()
