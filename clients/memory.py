"""Gives memory that was freed back to the system.

What a burst took, such as the past at a first start, stays with a process otherwise: glibc returns
only the end of its heap, and something small always lies there.
"""

import ctypes
import threading
import time
from collections.abc import Callable
from typing import Final

EVERY_S: Final = 60.0


def give_back_memory(every_s: float = EVERY_S) -> None:
    """Trim the heap again and again, in a thread; where the C library has no such call, do nothing.

    Call it after the process has made copies of itself, which must not have threads.

    Source: glibc, ``malloc_trim(3)``.
    """
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError):
        return
    threading.Thread(target=_trim, args=[trim, every_s], name="memory", daemon=True).start()


def _trim(trim: Callable[[int], int], every_s: float) -> None:
    while True:
        time.sleep(every_s)
        trim(0)
