"""The parts of River that `online` is made of, imported as where River's optional packages are not.

River imports scikit-learn and SQLAlchemy, where it finds them, for adapters that nothing here uses:
a third of the time and memory that its import takes. Each process that predicts or replays saves
that.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["compose", "drift", "linear_model", "preprocessing"]
_OPTIONAL = ("sklearn", "sqlalchemy")


@contextmanager
def _absent(*names: str) -> Iterator[None]:
    """Let imports of packages fail that have not been imported yet."""
    hidden = [name for name in names if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment] # to Python: it cannot be imported
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


with _absent(*_OPTIONAL):
    from river import compose, drift, linear_model, preprocessing
