"""Exponential back-off between restarts of a process that died."""

from dataclasses import dataclass

from clients.retry import doubled


@dataclass(frozen=True, slots=True)
class Backoff:
    """Doubles the wait after each consecutive failure; a long enough run starts over.

    Attributes:
        first_s: Wait after the first failure.
        longest_s: Upper limit of the wait.
        healthy_s: A run of at least this length resets the count of failures.
    """

    first_s: float = 0.2
    longest_s: float = 30.0
    healthy_s: float = 30.0

    def failures(self, before: int, ran_s: float) -> int:
        """Return the new number of consecutive failures after a run of `ran_s` seconds."""
        return 1 if ran_s >= self.healthy_s else before + 1

    def wait_s(self, failures: int) -> float:
        """Return the wait in seconds after this many consecutive failures."""
        return doubled(self.first_s, failures - 1, self.longest_s)
