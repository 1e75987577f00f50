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
    """Yield the findings of a check; an error of ours that ends it is the last of them."""
    try:
        yield from check()
    except CandlewickError as error:
        said, _, advice = str(error).partition(": ")
        yield Finding(name, State.WRONG, said, advice)
