"""What a check found, and what to do about it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from schemas.errors import CandlewickError


class State(StrEnum):
    """How it stands: in order, worth knowing, or in the way."""

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check.

    Attributes:
        check: What was looked at.
        said: What was found.
        advice: What to do; empty if nothing.
    """

    check: str
    state: State
    said: str
    advice: str = ""


Check = Callable[[], Iterator[Finding]]


def findings_of(name: str, check: Check) -> Iterator[Finding]:
    """Yield the findings of a check; an error that ends it is the last of them.

    That is one of ours, or of the system about a file: later checks are made all the same.
    """
    try:
        yield from check()
    except CandlewickError as error:
        said, _, advice = str(error).partition(": ")
        yield Finding(name, State.WRONG, said, advice)
    except OSError as error:
        yield unread(name, error)


def unread(name: str, error: OSError) -> Finding:
    """Return the finding that the system refuses something."""
    told = error.strerror or str(error) or type(error).__name__
    said = f"{error.filename}: {told}" if error.filename else told
    return Finding(name, State.WRONG, said, "look at its rights, and at the disk that it is on")
