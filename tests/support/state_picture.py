"""A text of everything that an object holds: equal texts mean equal states, bit for bit."""

import hashlib
from collections.abc import Iterator, Mapping

import numpy as np

SIMPLE = (type(None), bool, int, float, complex, str, bytes, bytearray)


def picture_of(state: object) -> str:
    """Return a SHA-256 over all values of a state, by the way to them.

    What pickle would write is walked, so that models of a compiled library are seen too. Pickle's
    own bytes do not serve: they also tell which equal values are one object.
    """
    seen = hashlib.sha256()
    for line in lines_of(state):
        seen.update(line.encode() + b"\n")
    return seen.hexdigest()


def lines_of(value: object, way: str = "", inside: frozenset[int] = frozenset()) -> Iterator[str]:
    """Yield a line for each simple value in an object, with the way to it."""
    if isinstance(value, SIMPLE):
        told = value.hex() if isinstance(value, float) else repr(value)
        yield f"{way} {type(value).__name__} {told}"
    elif isinstance(value, np.ndarray):
        yield f"{way} {value.dtype} {value.shape} {value.tobytes().hex()}"
    elif isinstance(value, type) or callable(value):
        yield f"{way} {getattr(value, '__qualname__', type(value).__qualname__)}"
    elif id(value) in inside:
        yield f"{way} itself"
    else:
        for name, part in parts_of(value):
            yield from lines_of(part, f"{way}.{name}", inside | {id(value)})


def parts_of(value: object) -> Iterator[tuple[str, object]]:
    """Yield the parts of an object, with their names."""
    if isinstance(value, Mapping):
        yield "keys", list(value)
        yield from ((repr(key), part) for key, part in value.items())
    elif isinstance(value, list | tuple):
        yield "length", len(value)
        yield from ((str(number), part) for number, part in enumerate(value))
    elif isinstance(value, set | frozenset):
        yield "members", sorted(map(repr, value))
    else:
        reduced = value.__reduce_ex__(4)
        assert isinstance(reduced, tuple), f"{type(value)} is told by its name alone"
        made, of, *more = reduced
        yield "made", made
        yield "of", [one for one in of if one is not type(value)]
        for name, part in zip(("state", "items", "pairs"), more, strict=False):
            yield name, list(part) if name != "state" and part is not None else part
