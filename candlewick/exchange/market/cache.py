"""A bounded cache of computed values that evicts the least recently used first."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Cache(Generic[K, V]):
    """Caches computed values up to a total weight.

    Args:
        limit: Largest total weight.
        weigh: Function that returns the weight of a value.
        fewest: Number of values to keep even if they exceed the limit.
    """

    def __init__(
        self, limit: int, weigh: Callable[[V], int] = lambda _: 1, *, fewest: int = 1
    ) -> None:
        self._limit = limit
        self._fewest = fewest
        self._weigh = weigh
        self._total = 0
        self._held: OrderedDict[K, V] = OrderedDict()
        self._lock = Lock()

    def get(self, key: K, compute: Callable[[], V]) -> V:
        """Return the value of `key`, computing it if it is not cached.

        Threads may call it at the same time; two of them may then compute the same value.
        """
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key]
        value = compute()
        with self._lock:
            if key not in self._held:
                self._total += self._weigh(value)
            self._held[key] = value
            while self._total > self._limit and len(self._held) > self._fewest:
                self._total -= self._weigh(self._held.popitem(last=False)[1])
        return value

    def found(self, key: K) -> V | None:
        """Return the value of `key`, or None if it is not cached."""
        with self._lock:
            return self._held.get(key)

    def __contains__(self, key: K) -> bool:
        return key in self._held

    def clear(self) -> None:
        """Remove all values."""
        with self._lock:
            self._held.clear()
            self._total = 0
