"""A quicker constructor for frozen records with slots, of which many are made a second."""

from dataclasses import MISSING, fields
from typing import TypeVar

_RecordT = TypeVar("_RecordT")


def quick(record: type[_RecordT]) -> type[_RecordT]:
    """Give a frozen dataclass with slots a constructor that takes half the time.

    The one that `dataclasses` makes looks each slot up by its name. This one sets it directly;
    everything else stays as it was. Defaults must be plain values.

    >>> from dataclasses import dataclass
    >>> @quick
    ... @dataclass(frozen=True, slots=True)
    ... class Point:
    ...     x: float
    ...     y: float = 0.0
    >>> Point(1.0)
    Point(x=1.0, y=0.0)

    Raises:
        TypeError: The constructor would have to do more than set slots.
    """
    names = {}
    arguments, lines = [], []
    for i, field in enumerate(fields(record)):  # type: ignore[arg-type]
        plain = field.init and not field.kw_only and field.default_factory is MISSING
        if not plain or hasattr(record, "__post_init__"):
            raise TypeError(f"{record.__name__}.{field.name} is not just set: use no @quick")
        names[f"_set_{i}"] = getattr(record, field.name).__set__
        names[f"_default_{i}"] = field.default
        default = "" if field.default is MISSING else f"=_default_{i}"
        arguments.append(f"{field.name}{default}")
        lines.append(f"    _set_{i}(self, {field.name})")
    text = "\n".join([f"def __init__(self, {', '.join(arguments)}):", *lines])
    exec(text, names)  # noqa: S102 - as `dataclasses` does; the text holds names of fields only
    made = names["__init__"]
    made.__qualname__ = f"{record.__qualname__}.__init__"
    made.__annotations__ = record.__init__.__annotations__
    record.__init__ = made  # type: ignore[method-assign]
    return record
