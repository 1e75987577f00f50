"""One question at a time in a thread of its own: who supervises processes never waits for it."""

import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Generic, TypeVar

from clients.limits import begun

ValueT = TypeVar("ValueT")


class Beside(Generic[ValueT]):
    """Asks again and again, each time when the last answer has been taken."""

    def __init__(self, name: str, ask: Callable[[], ValueT]) -> None:
        self._name, self._ask = name, ask
        self._answer: Future[ValueT] | None = None
        self._asked_at = 0.0

    def answer(self, patience_s: float) -> ValueT | None:
        """Ask, unless a question is under way, and return the answer; None if there is none yet.

        Args:
            patience_s: How long to wait for it.

        Raises:
            Exception: What the question has raised.
        """
        if self._answer is None:
            self._answer = begun(self._name, self._ask)
            self._asked_at = time.monotonic()
        wait([self._answer], patience_s)
        if not self._answer.done():
            return None
        answer, self._answer = self._answer, None
        return answer.result()

    def waited_s(self) -> float:
        """Return for how long the question that is under way has had no answer, in seconds."""
        return 0.0 if self._answer is None else time.monotonic() - self._asked_at
