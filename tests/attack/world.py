"""What an attack is told: the stack, its share of the random numbers, how much time there is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from tests.attack.tally import Tally
from tests.support.stack import Stack

T = TypeVar("T")


@dataclass(slots=True)
class World:
    """A running stack under attack.

    Attributes:
        random: Of this class alone, so that the others may be left out.
        is_short: Whether a part of the inputs is enough.
    """

    stack: Stack
    random: Random
    is_short: bool

    def some(self, inputs: Sequence[T], *, in_short: int) -> list[T]:
        """Return all inputs; of a short run only so many, drawn by lot."""
        if not self.is_short or len(inputs) <= in_short:
            return list(inputs)
        return self.random.sample(inputs, in_short)


@dataclass(frozen=True, slots=True)
class Attack:
    """A class of inputs: what it is called, and what tries it.

    Attributes:
        needs_stack: Whether anything of it reaches the stack, which is then looked at afterwards.
    """

    code: str
    title: str
    run: Callable[[World, Tally], None]
    needs_stack: bool = True
