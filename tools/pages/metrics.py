"""Generator of `docs/metrics.md`: every metric and every event of the log, from the code."""

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import Metric

import clients.watching.metrics
import processors.metrics
import sinks.metrics
from api.metrics import FeedCollector, Meter
from candlewick.stack.folder import StackFolder
from candlewick.stack.metrics import StackCollector
from producers.trades.counters import COUNTED, GAPS, Figures, StreamCollector
from tools.pages.texts import EVENTS_HEAD, METRICS_HEAD

_ROOT: Final = Path(__file__).parents[2]
_PARTS: Final = ("clients", "producers", "processors", "sinks", "api", "grafana", "candlewick")
_LEVELS: Final = {"info": "info", "warning": "warning", "error": "error", "exception": "error"}
_LOG: Final = "_log"


@dataclass(frozen=True, slots=True)
class Event:
    """An event of the log, at one place.

    Attributes:
        text: The sentence, with the names of fields in braces.
    """

    name: str
    level: str
    text: str
    place: str


def metrics_page() -> str:
    """Build `docs/metrics.md`."""
    tables = "".join(_table(title, found) for title, found in metrics().items())
    return METRICS_HEAD + tables + EVENTS_HEAD + "".join(_event_rows(events()))


def metrics() -> dict[str, list[tuple[Metric, tuple[str, ...]]]]:
    """Return every metric of ours and its labels, by the process that has it."""
    nothing = dict.fromkeys((*COUNTED, *GAPS), 0)
    stream = StreamCollector(lambda: Figures(nothing, 0, 0, 0, 0, 0))
    stack = StackCollector(StackFolder(_ROOT), tuple)
    api = [*_declared(vars(Meter()).values()), *map(_labelled, _described(FeedCollector))]
    return {
        "Every process": _declared(vars(clients.watching.metrics).values()),
        "`stream`": [_labelled(metric) for metric in stream.collect()],
        "Candle worker, predictor and trainer": _declared(vars(processors.metrics).values()),
        "Sinks": _declared(vars(sinks.metrics).values()),
        "`api`": api,
        "The supervisor": [_labelled(metric) for metric in stack.collect()],
    }


def events() -> list[Event]:
    """Return every event of the log at each of its places."""
    return [
        event
        for part in _PARTS
        for path in sorted((_ROOT / part).rglob("*.py"))
        for event in _events_in(path)
    ]


def _described(collector: type[FeedCollector]) -> Iterable[Metric]:
    return collector.describe(collector.__new__(collector))


def _declared(found: Iterable[object]) -> list[tuple[Metric, tuple[str, ...]]]:
    ours = [one for one in found if isinstance(one, MetricWrapperBase)]
    return [(next(iter(one.describe())), tuple(one._labelnames)) for one in ours]  # noqa: SLF001 - it tells them nowhere else


def _labelled(metric: Any) -> tuple[Metric, tuple[str, ...]]:  # noqa: ANN401 - a family of one kind
    return metric, tuple(metric._labelnames)  # noqa: SLF001 - it tells them nowhere else


def _table(title: str, found: list[tuple[Metric, tuple[str, ...]]]) -> str:
    rows = "".join(
        f"| `{_shown(metric)}` | {metric.type} | {', '.join(f'`{n}`' for n in labels)} "
        f"| {metric.documentation} |\n"
        for metric, labels in found
    )
    return f"\n### {title}\n\n| metric | kind | labels | meaning |\n|---|---|---|---|\n{rows}"


def _shown(metric: Metric) -> str:
    return f"{metric.name}_total" if metric.type == "counter" else metric.name


def _event_rows(found: Iterable[Event]) -> Iterator[str]:
    places: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
    for event in found:
        places[event.name, event.level, event.text].append(event.place)
    for (name, level, text), where in sorted(places.items()):
        modules = ", ".join(f"`{place}`" for place in sorted(set(where)))
        yield f"| `{name}` | {level} | {text.replace('|', '/')} | {modules} |\n"


def _events_in(path: Path) -> Iterator[Event]:
    place = ".".join(path.relative_to(_ROOT).with_suffix("").parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id=found), attr=level),
                args=[ast.Constant(value=str(name)), ast.Constant(value=str(text)), *_],
            ) if found == _LOG and level in _LEVELS:
                yield Event(name, _LEVELS[level], text, place)
