"""Runs a command that ends with its parent: ``-m candlewick.stack.parent_death PID COMMAND``.

On Linux the kernel kills the command when the parent dies, however that happens. On other systems
only the parent's own clean-up, or the next start of the stack, ends it.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def leashed(command: list[str]) -> list[str]:
    """Return the command, wrapped so that it ends when the calling process does."""
    # -P: a file `signal.py` in the working directory is none of ours.
    leash = [sys.executable, "-P", "-m", "candlewick.stack.parent_death", str(os.getpid())]
    return [*leash, *command]


def die_with_parent(parent_pid: int) -> None:
    """Ask the kernel for SIGKILL when the thread that started this process ends.

    Source: Linux manual page ``prctl(2)``, PR_SET_PDEATHSIG; it survives ``execve``.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        sys.exit(1)


def main() -> None:
    """Tie this process to its parent, then replace it by the command."""
    die_with_parent(int(sys.argv[1]))
    command = sys.argv[2:]
    os.execvp(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
