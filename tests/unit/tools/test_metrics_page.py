"""`docs/metrics.md` lists all that there is: no event of the log and no metric beside it."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tools.pages.metrics import events, metrics

ROOT = Path(__file__).parents[3]
PARTS = ("clients", "producers", "processors", "sinks", "api", "grafana", "candlewick")
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
GETS_A_LOGGER = {
    Path("clients/watching/log.py"),  # here ours are made
    # The libraries' own, to silence them or to send them where ours go.
    Path("clients/watching/log_lines.py"),
    Path("clients/clickhouse.py"),
    Path("sinks/notify/sending.py"),
    Path("api/__main__.py"),
    Path("candlewick/kafka_server/maven.py"),
    Path("candlewick/terminal/backfill_view.py"),
    # It shares no code with what reads it.
    Path("candlewick/exchange/application.py"),
    Path("candlewick/exchange/server/session.py"),
}


@cache
def calls() -> list[tuple[Path, ast.Call]]:
    return [
        (path.relative_to(ROOT), node)
        for part in PARTS
        for path in sorted((ROOT / part).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
    ]


def log_calls() -> Iterator[tuple[Path, ast.Call]]:
    for path, call in calls():
        match call.func:
            case ast.Attribute(value=ast.Name(id="_log"), attr=level) if level in LEVELS:
                yield path, call


def test_every_line_of_the_log_is_written_under_a_name_that_stands_in_the_code() -> None:
    told = events()
    assert len(list(log_calls())) == len(told)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", event.name) for event in told)


def test_a_sentence_names_only_fields_that_it_is_given() -> None:
    for path, call in log_calls():
        text = ast.literal_eval(call.args[1])
        named = set(re.findall(r"{(\w+)[!:}]", text))
        given = {keyword.arg for keyword in call.keywords}
        assert named <= given, f"{path}: {text}"


def test_nobody_logs_past_the_one_place() -> None:
    found = {
        path
        for path, call in calls()
        if isinstance(call.func, ast.Attribute) and call.func.attr == "getLogger"
    }

    assert found == GETS_A_LOGGER


def test_an_event_has_the_same_weight_wherever_it_is_written() -> None:
    levels = defaultdict(set)
    for event in events():
        levels[event.name].add(event.level)

    assert {name: found for name, found in levels.items() if len(found) > 1} == {}


def test_metrics_are_named_as_prometheus_wants_and_each_says_what_it_is() -> None:
    found = [one for those in metrics().values() for one in those]
    names = [metric.name for metric, _ in found]

    assert len(names) == len(set(names))
    for metric, labels in found:
        assert metric.name.startswith("candlewick_")
        assert not metric.name.endswith("_total")  # the library adds it
        assert len(metric.documentation) > 10
        assert len(labels) <= 3
