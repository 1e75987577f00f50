"""Expansion of a query's variables and macros, as Grafana does it before ClickHouse sees it.

It is used by tests and pictures only, which have no Grafana.
Source: grafana/clickhouse-datasource, pkg/macros/macros.go (macros), src/data/CHDatasource.ts
``applyTemplateVariables`` (order, ``$__conditionalAll``, the format of several values);
grafana/scenes, formatRegistry.ts (the other formats).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from grafana.variables import ALL

Value = str | Sequence[str]
_MACRO = re.compile(r"\$__(\w+)")
_VARIABLE = re.compile(r"\$\{(?P<braced>\w+)(?::(?P<format>\w+))?\}|\$(?P<plain>\w+)")
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Asked:
    """The time range and variables of a dashboard.

    Attributes:
        from_ms: Start of the time range, UTC epoch milliseconds.
        to_ms: End of the time range, UTC epoch milliseconds.
        interval_ms: Grafana's interval: the range divided by the panel's width, at least the
            panel's minimum.
        variables: Chosen values by variable; `ALL` stands for all of ``options``.
        options: All values by variable.
    """

    from_ms: int
    to_ms: int
    interval_ms: int = 60_000
    variables: Mapping[str, Value] = field(default_factory=dict)
    options: Mapping[str, Sequence[str]] = field(default_factory=dict)


def expand(sql: str, asked: Asked) -> str:
    """Expand a query for ClickHouse; unknown macros and variables are left unchanged."""
    chosen = _conditional_all(sql, asked.variables)
    named = _VARIABLE.sub(lambda match: _interpolated(match, asked), chosen)
    return _macros(_COMMENT.sub("", named), asked)


def arguments(text: str, opening: int) -> tuple[list[str], int]:
    """Return the arguments in the brackets that open at ``opening``, and the end of the brackets.

    Raises:
        ValueError: The brackets are never closed.
    """
    depth, begin, found = 0, opening + 1, []
    for place in range(opening, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0 or (depth == 1 and text[place] == ","):
            found.append(text[begin:place])
            begin = place + 1
        if depth == 0:
            return found, place + 1
    raise ValueError(f"a bracket is never closed: {text[opening:]}")


def _conditional_all(sql: str, variables: Mapping[str, Value]) -> str:
    macro = "$__conditionalAll("
    while (place := sql.rfind(macro)) >= 0:
        (condition, variable), end = arguments(sql, place + len(macro) - 1)
        name = re.sub(r"[${}\s]", "", variable)
        chosen = variables.get(name)
        kept = "1=1" if isinstance(chosen, str) and chosen in {ALL, ""} else condition
        sql = sql[:place] + kept + sql[end:]
    return sql


def _interpolated(match: re.Match[str], asked: Asked) -> str:
    name = match["braced"] or match["plain"]
    if name not in asked.variables:
        return match[0]
    value = asked.variables[name]
    return _formatted(asked.options[name] if value == ALL else value, match["format"])


def _formatted(value: Value, form: str | None) -> str:
    values = [value] if isinstance(value, str) else list(value)
    if form == "singlequote":
        return ",".join("'" + v.replace("'", r"\'") + "'" for v in values)
    if form in {"raw", "csv"} or (form is None and isinstance(value, str)):
        return ",".join(values)
    if form is None:  # the plugin's own way with several values
        return "'" + "','".join(values) + "'"
    raise ValueError(f"format {form} is not known here")


def _macros(sql: str, asked: Asked) -> str:
    for match in reversed(list(_MACRO.finditer(sql))):  # the innermost of nested ones first
        if (macro := MACROS.get(match[1])) is None:
            continue
        given, end = [""], match.end()
        if sql[end : end + 1] == "(":
            given, end = arguments(sql, end)
        expanded = macro(asked, *[argument.strip() for argument in given])
        sql = sql[: match.start()] + expanded + sql[end:]
    return sql


def _seconds(ms: int) -> str:
    return f"toDateTime({ms // 1000})"


def _millis(ms: int) -> str:
    return f"fromUnixTimestamp64Milli({ms})"


def _between(column: str, first: str, last: str) -> str:
    return f"{column} >= {first} AND {column} <= {last}"


def _step_s(asked: Asked) -> int:
    return max(asked.interval_ms // 1000, 1)


MACROS: Mapping[str, Callable[..., str]] = {
    "fromTime": lambda asked, _="": _seconds(asked.from_ms),
    "toTime": lambda asked, _="": _seconds(asked.to_ms),
    "fromTime_ms": lambda asked, _="": _millis(asked.from_ms),
    "toTime_ms": lambda asked, _="": _millis(asked.to_ms),
    "interval_s": lambda asked, _="": str(_step_s(asked)),
    "timeFilter": lambda a, c: _between(c, _seconds(a.from_ms), _seconds(a.to_ms)),
    "timeFilter_ms": lambda a, c: _between(c, _millis(a.from_ms), _millis(a.to_ms)),
    "timeInterval": lambda a, c: (
        f"toStartOfInterval(toDateTime({c}), INTERVAL {_step_s(a)} second)"
    ),
    "timeInterval_ms": lambda a, c: (
        f"toStartOfInterval(toDateTime64({c}, 3), INTERVAL {max(a.interval_ms, 1)} millisecond)"
    ),
}
