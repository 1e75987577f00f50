"""Limits on attempts to sign in; each attempt is counted before the password is checked.

After too many wrong passwords an address must wait for that name only. The name is not locked for
everyone, because then anyone could lock anyone out. Attempts on a name that many addresses try are
delayed, except from addresses that have signed in under it.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from schemas.errors import CandlewickError

MOST_REMEMBERED = 10_000
SHARE_OF_ADDRESS = 4  # over all names, an address has this many times the attempts for one name
KNOWN_S = 12 * 3600.0
FIRST_DELAY_S, LONGEST_DELAY_S = 0.1, 4.0


class TooManyAttempts(CandlewickError):  # noqa: N818 - it is not our fault
    """There were too many attempts, and the wait is not over.

    Attributes:
        wait_s: Seconds left to wait.
    """

    def __init__(self, wait_s: int) -> None:
        super().__init__("too many wrong passwords")
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class Tries:
    """Number of attempts in a row, and the time of the last one, in monotonic seconds."""

    count: int
    last_s: float


@dataclass(frozen=True, slots=True)
class _Memory:
    """The newest `MOST_REMEMBERED` attempts by key."""

    tries: OrderedDict[str, Tries] = field(default_factory=OrderedDict)

    def count(self, key: str, now_s: float, within_s: float) -> int:
        found = self.tries.get(key)
        return found.count if found and now_s - found.last_s <= within_s else 0

    def put(self, key: str, tries: Tries) -> None:
        self.tries.pop(key, None)
        if tries.count > 0:
            self.tries[key] = tries
        while len(self.tries) > MOST_REMEMBERED:
            self.tries.popitem(last=False)


class Attempts:
    """Counts attempts in the memory of this process; thread-safe.

    Args:
        most: Attempts of an address for a name before it must wait.
        wait_s: How long it must wait, and how long attempts count, in seconds.
        clock_s: Clock in monotonic seconds.
    """

    def __init__(self, most: int, wait_s: int, clock_s: Callable[[], float]) -> None:
        self._most, self._wait_s, self._clock_s = most, wait_s, clock_s
        self._pairs, self._addresses, self._names = _Memory(), _Memory(), _Memory()
        self._good_pairs, self._good_addresses = _Memory(), _Memory()
        self._lock = threading.Lock()

    def begin(self, name: str, address: str) -> float:
        """Count an attempt and return the delay before its password may be checked, in seconds.

        Raises:
            TooManyAttempts: The attempt is refused; it is not counted.
        """
        pair, now_s = f"{address} {name}", self._clock_s()
        with self._lock:
            tried = self._count(self._pairs, pair, now_s)
            is_known = self._good_pairs.count(pair, now_s, KNOWN_S) > 0
            if not is_known:
                self._check(self._pairs, pair, self._most, now_s)
            if not self._good_addresses.count(address, now_s, KNOWN_S):
                most = SHARE_OF_ADDRESS * self._most
                self._check(self._addresses, address, most, now_s)
            tried = tried if is_known else self._count(self._names, name, now_s)
            for memory, key in self._memories(name, address):
                memory.put(key, Tries(self._count(memory, key, now_s) + 1, now_s))
        return self._delay_s(tried)

    def succeeded(self, name: str, address: str) -> None:
        """Reset the attempts of an address for a name, and remember the success."""
        pair, now_s = f"{address} {name}", self._clock_s()
        with self._lock:
            own = self._count(self._pairs, pair, now_s)
            for memory, key in self._memories(name, address):
                memory.put(key, Tries(self._count(memory, key, now_s) - own, now_s))
            self._good_pairs.put(pair, Tries(1, now_s))
            self._good_addresses.put(address, Tries(1, now_s))

    def _memories(self, name: str, address: str) -> list[tuple[_Memory, str]]:
        pair = f"{address} {name}"
        return [(self._pairs, pair), (self._addresses, address), (self._names, name)]

    def _count(self, memory: _Memory, key: str, now_s: float) -> int:
        return memory.count(key, now_s, self._wait_s)

    def _check(self, memory: _Memory, key: str, most: int, now_s: float) -> None:
        if self._count(memory, key, now_s) >= most:
            left_s = self._wait_s - (now_s - memory.tries[key].last_s)
            raise TooManyAttempts(int(left_s) + 1)

    def _delay_s(self, tried: int) -> float:
        doublings = min(tried - self._most, 10)
        return min(LONGEST_DELAY_S, FIRST_DELAY_S * 2**doublings) if doublings >= 0 else 0.0
