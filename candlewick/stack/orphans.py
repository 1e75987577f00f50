"""Cleans up processes that a killed supervisor left behind."""

from candlewick.stack.folder import StackFolder
from candlewick.stack.process_identity import end_all
from candlewick.stack.state import read_state


def end_leftovers(folder: StackFolder) -> int:
    """End the processes of a supervisor that was killed, and return their number."""
    state = read_state(folder.state)
    alive = [i for i in state.identities() if i.find()] if state else []
    end_all(alive)
    return len(alive)
