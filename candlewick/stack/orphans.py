"""Cleans up processes that a killed supervisor left behind."""

from candlewick.stack.folder import StackFolder
from candlewick.stack.process_identity import Identity, end_all
from candlewick.stack.state import read_state


def end_leftovers(folder: StackFolder) -> int:
    """End the processes of a supervisor that was killed, and return their number."""
    alive = leftovers(folder)
    end_all(alive)
    return len(alive)


def leftovers(folder: StackFolder) -> list[Identity]:
    """Return the processes of the last stack that run, though its supervisor does not."""
    state = read_state(folder.state)
    return [i for i in state.identities() if i.find()] if state else []
