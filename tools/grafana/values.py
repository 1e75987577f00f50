"""Formatting of values as in Grafana: units, decimals, thresholds and mappings."""

import math
import re
from datetime import datetime

TEXT = "#d8d9da"
PALETTE = (
    "#4c8dd6", "#e0a030", "#2f9e5b", "#d64550", "#a06bd6", "#37b5b5", "#d67ab1", "#9ab534",
    "#8a8f98", "#c98f62", "#6f7fd6", "#56a36c",
)  # fmt: skip
SCALES = {1e12: " T", 1e9: " B", 1e6: " M", 1e3: " K"}


def written(value, unit="", decimals=None):  # noqa: PLR0911 - one return for each unit
    """Format a value in its unit, with Grafana's default decimals."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    if isinstance(value, datetime):
        return value.strftime("%d %b %H:%M")
    if not isinstance(value, int | float) or isinstance(value, bool):
        return str(value)
    if unit == "percentunit":
        return f"{value * 100:.{2 if decimals is None else decimals}f} %"
    if unit.startswith("suffix:"):
        return f"{value:.{1 if decimals is None else decimals}f} {unit[7:].strip()}"
    if unit in {"short", "currencyUSD", "bytes", "rps"}:
        return scaled(value, unit, decimals)
    if unit == "locale":
        return trimmed(value, decimals)
    if unit in {"s", "ms"}:
        return duration(value if unit == "s" else value / 1000, decimals)
    return plain(value, decimals)


def trimmed(value, decimals):
    """Format a number with as many decimals as it needs, but no more than ``decimals``."""
    whole, point, fraction = f"{value:,.{3 if decimals is None else decimals}f}".partition(".")
    return (whole + point + fraction.rstrip("0")).rstrip(".")


def plain(value, decimals):
    """Format a number without a unit; small prices keep their digits."""
    if decimals is None:
        decimals = 0 if float(value).is_integer() else 2 if abs(value) >= 10 else 4
    return f"{value:,.{decimals}f}"


def scaled(value, unit, decimals):
    """Format a number with the suffix K, M, B or T."""
    sign = "$" if unit == "currencyUSD" else ""
    tail = {"bytes": "B", "rps": "/s"}.get(unit, "")
    for size, name in SCALES.items():
        if abs(value) >= size:
            letter = name.replace("B", "G") if unit == "bytes" else name
            return f"{sign}{value / size:.{1 if decimals is None else decimals}f}{letter}{tail}"
    return f"{sign}{plain(value, decimals)}{' ' if tail == 'B' else ''}{tail}"


def duration(seconds, decimals):
    """Format seconds in days, hours, minutes, seconds or milliseconds."""
    for size, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if abs(seconds) >= size * 2:
            return f"{seconds / size:.1f} {name}"
    if abs(seconds) < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.{1 if decimals is None else decimals}f} s"


def threshold_colour(value, steps, default=TEXT):
    """Return the colour of the highest threshold that the value reaches."""
    found = default
    for step in steps or []:
        if value is not None and (step.get("value") is None or value >= step["value"]):
            found = step["color"]
    return found


def look_of(panel, name):
    """Collect a field's options from a panel's defaults and overrides: unit, decimals, colour."""
    defaults = panel["fieldConfig"]["defaults"]
    look = {
        "unit": defaults.get("unit", ""),
        "decimals": defaults.get("decimals"),
        "thresholds": (defaults.get("thresholds") or {}).get("steps"),
        "color": (defaults.get("color") or {}),
        "mappings": defaults.get("mappings", []),
        "custom": dict(defaults.get("custom", {})),
        "cell": "auto",
    }
    for override in panel["fieldConfig"]["overrides"]:
        if _matches(override["matcher"], name):
            for found in override["properties"]:
                _set(look, found["id"], found.get("value"))
    return look


def _matches(matcher, name):

    if matcher["id"] == "byName":
        return matcher["options"] == name
    if matcher["id"] == "byRegexp":
        return re.search(matcher["options"].strip("/"), name) is not None
    return matcher["id"] == "byType"


def _set(look, key, value):
    if key.startswith("custom."):
        look["custom"][key.removeprefix("custom.")] = value
        if key == "custom.cellOptions":
            look["cell"] = value["type"]
    elif key == "thresholds":
        look["thresholds"] = value["steps"]
    else:
        look[key] = value


def cell_colour(value, look):
    """Return the text colour of a table's cell."""
    for mapping in look["mappings"]:
        if mapping["type"] == "value" and str(value) in mapping["options"]:
            return mapping["options"][str(value)].get("color", TEXT)
    coloured = look["cell"] == "color-text" and isinstance(value, int | float)
    return threshold_colour(value, look["thresholds"]) if coloured else TEXT
