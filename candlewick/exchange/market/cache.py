"""A bounded memory of computed values: the least recently used leave first."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Cache(Generic[K, V]):
    """Keep computed values while their total weight stays within a limit.

    Args:
        limit: Largest total weight.
        weigh: Weight of a value.
        fewest: Values kept even where they weigh more.
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
        """Return the value of `key`, computing it if it is not held.

        Threads may ask at the same time; then two of them may compute the same value.
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

    def __contains__(self, key: K) -> bool:
        return key in self._held

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._held.clear()
            self._total = 0
