"""The parts of River that `online` is made of, imported as where scikit-learn is not installed.

River imports scikit-learn, where it finds it, for adapters that nothing here uses: a third of the
time and memory that its import takes. Each process that predicts or replays saves that.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["compose", "drift", "linear_model", "preprocessing"]
_OPTIONAL = "sklearn"


@contextmanager
def _absent(name: str) -> Iterator[None]:
    """Let imports of a package fail that has not been imported yet."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment] # to Python: it cannot be imported
    try:
        yield
    finally:
        del sys.modules[name]


with _absent(_OPTIONAL):
    from river import compose, drift, linear_model, preprocessing
