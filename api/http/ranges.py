"""Ranges of bytes of an answer that cannot change, and the bodies they are cut from.

Source: RFC 9110, section 14.
"""

import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from api.http import problems
from api.http.problems import Problem

KEPT_S: Final = 60.0
MOST_KEPT_BYTES: Final = 64 << 20
_ONE_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


class Sized(Protocol):
    """Something with a body."""

    @property
    def body(self) -> bytes:
        """The body."""


SizedT = TypeVar("SizedT", bound=Sized)


def cut(asked: str, length: int) -> range | None:
    """Return the bytes of a body that a ``Range`` header asks for.

    Args:
        asked: The header, for example ``bytes=0-99``.
        length: Length of the body.

    Returns:
        The range, or None if the whole body is to be sent: several ranges, or another unit.

    Raises:
        Problem: The body has no such bytes (416).
    """
    match = _ONE_RANGE.fullmatch(asked.strip())
    if match is None or match.group(1) == match.group(2) == "":
        return None
    first, last = match.groups()
    found = (
        range(max(0, length - int(last)), length) if not first else _between(first, last, length)
    )
    if not found:
        detail = f"the answer has {length} bytes"
        headers = {"Content-Range": f"bytes */{length}"}
        raise Problem(problems.NO_RANGE, detail, headers=headers)
    return found


def _between(first: str, last: str, length: int) -> range:
    return range(int(first), min(int(last) + 1, length) if last else length)


@dataclass(frozen=True, slots=True)
class _Kept(Generic[SizedT]):
    until_s: float
    answer: SizedT


class KeptAnswers(Generic[SizedT]):
    """Answers of the last minute, so that ranges of one answer fit together. Thread-safe.

    Args:
        now_s: A monotonic clock, in seconds.
        most_bytes: Most bytes to keep; older answers make room.
    """

    def __init__(self, now_s: Callable[[], float], *, most_bytes: int = MOST_KEPT_BYTES) -> None:
        self._now_s = now_s
        self._most = most_bytes
        self._bytes = 0
        self._kept: OrderedDict[str, _Kept[SizedT]] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, key: str) -> SizedT | None:
        """Return the answer that was kept under a key, None if there is none any more."""
        with self._lock:
            self._drop_old()
            found = self._kept.get(key)
            return found.answer if found else None

    def keep(self, key: str, answer: SizedT) -> None:
        """Keep an answer for a minute, unless it is larger than all that may be kept."""
        if len(answer.body) > self._most:
            return
        with self._lock:
            self._drop(key)
            self._kept[key] = _Kept(self._now_s() + KEPT_S, answer)
            self._bytes += len(answer.body)
            self._drop_old()
            while self._bytes > self._most:
                self._drop(next(iter(self._kept)))

    def _drop_old(self) -> None:
        now_s = self._now_s()
        for key in [key for key, kept in self._kept.items() if kept.until_s <= now_s]:
            self._drop(key)

    def _drop(self, key: str) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._bytes -= len(kept.answer.body)
