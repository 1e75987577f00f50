"""How long to wait before a process that died is started again."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Twice as long after each failure in a row; a run that lasted counts as a success.

    Attributes:
        first_s: Wait after the first failure.
        longest_s: Longest wait.
        healthy_s: A run at least this long starts the row anew.
    """

    first_s: float = 0.2
    longest_s: float = 30.0
    healthy_s: float = 30.0

    def failures(self, before: int, ran_s: float) -> int:
        """Return how many failures in a row there are, after a run of `ran_s` seconds."""
        return 1 if ran_s >= self.healthy_s else before + 1

    def wait_s(self, failures: int) -> float:
        """Return the wait in seconds after this many failures in a row."""
        doublings = min(failures - 1, 32)
        return float(min(self.longest_s, self.first_s * 2**doublings))
