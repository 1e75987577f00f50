"""Comparison of an object in Grafana with ours. Pure: values in, lines of text out."""

import json
from collections.abc import Iterator, Mapping

SET_BY_GRAFANA = frozenset({"id", "version", "schemaVersion", "updated", "provenance"})


def differences(ours: object, theirs: object, path: str = "") -> Iterator[str]:
    """Yield a line for each of our values that differs or is missing in Grafana.

    Values that Grafana adds, such as defaults and ids, are not differences.
    """
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        for name, value in ours.items():
            if name not in SET_BY_GRAFANA:
                yield from differences(value, theirs.get(name), f"{path}.{name}".lstrip("."))
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(one, other, f"{path}[{number}]")
    elif ours != theirs and not (_is_nothing(ours) and _is_nothing(theirs)):
        yield f"{path}: {_short(theirs)} → {_short(ours)}"


def _is_nothing(value: object) -> bool:
    return value is None or value in ("", [], {}, False)


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}…"  # noqa: PLR2004 - fits on a line
