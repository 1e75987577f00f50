"""Converts records to JSON fields: decimals as text, times in two forms, names without units."""

from dataclasses import fields, is_dataclass

from api.http.times import iso

UNKNOWN_MS = -1
_UNITS = {"_e8": 8, "_e16": 16}


def decimal_text(value: int, digits: int = 8) -> str:
    """Return an integer in units of ``10**-digits`` as a plain decimal without trailing zeros."""
    whole, rest = divmod(abs(value), 10**digits)
    sign = "-" if value < 0 else ""
    if not rest:
        return f"{sign}{whole}"
    return f"{sign}{whole}.{str(rest).zfill(digits).rstrip('0')}"


def plain(record: object) -> dict[str, object]:
    """Return a record's fields: ``price_e8`` as ``price``, ``open_ms`` also as ``open_time``.

    Raises:
        TypeError: ``record`` is not a dataclass instance.
    """
    if not is_dataclass(record) or isinstance(record, type):
        raise TypeError(f"{record!r} is not a record")
    shown: dict[str, object] = {}
    for field in fields(record):
        shown.update(_shown(field.name, getattr(record, field.name)))
    return shown


def _shown(name: str, value: object) -> dict[str, object]:
    if name.endswith("_ms") and isinstance(value, int):
        known = value != UNKNOWN_MS
        time = iso(value) if known else None
        return {name: value if known else None, f"{name.removesuffix('_ms')}_time": time}
    for suffix, digits in _UNITS.items():
        if name.endswith(suffix):
            text = decimal_text(value, digits) if isinstance(value, int) else None
            return {name.removesuffix(suffix): text}
    return {name: value}
