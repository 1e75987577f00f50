"""The runs as tables in Markdown, and the lines through them."""

from collections.abc import Iterable, Sequence

from bench.scaling.results import Point, Run, cores_of, memory_of, sum_of

GROUP = "candlewick-"  # how the names of our consumer groups begin
ACROSS = {
    "symbols": "symbols",
    "rate": "trades/s",
    "history": "days",
    "stream": "clients",
    "predict": "requests/s",
    "candles": "requests/s",
}


def tables(run: Run) -> Iterable[str]:
    """Yield what a run has shown: where it comes from, processors, memory, delays, lines."""
    yield f"`{run.command}`, {run.date}, {run.machine}"
    of = ACROSS.get(run.slope, "")
    if run.points:
        yield table([of, *run.points[0].cores, "sum"], map(_cores, run.points))
        if run.slope == "rate":
            yield table([of, *run.points[0].cores, "sum"], map(_a_million, run.points))
        yield table([of, *run.points[0].memory_mb], map(_memory, run.points))
    names = list(dict.fromkeys(name for point in run.points for name in point.delays_ms))
    if names:
        yield table([of, *names], (_delays(point, names) for point in run.points))
    seen = list(dict.fromkeys(name for point in run.points for name in point.figures))
    if figures := [name for name in seen if not name.startswith(GROUP)]:
        yield table([of, *figures], (_figures(point, figures) for point in run.points))
    for point in run.points:
        if lags := [name for name in point.figures if name.startswith(GROUP)]:
            rows = ([name, f"{point.figures[name]:,.0f}"] for name in lags)
            yield table(["group and topic", f"records that waited at {_at(point)}"], rows)
    if len(run.held) > 1:
        yield _lines(run)
    if run.sizes:
        yield table(["what", "size"], ([name, f"{n:,.1f}"] for name, n in run.sizes.items()))


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(map(_row, [heads, ["---"] * len(heads), *rows]))


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _at(point: Point) -> str:
    return f"{point.at:,.0f}" + ("" if point.is_held else " (not kept up)")


def _cores(point: Point) -> list[str]:
    return [_at(point), *(f"{used:.2f}" for used in [*point.cores.values(), point.sum])]


def _a_million(point: Point) -> list[str]:
    """Seconds of a processor for a million trades."""
    used = [*point.cores.values(), point.sum]
    return [_at(point), *(f"{cores / point.at * 1e6:,.1f}" for cores in used)]


def _memory(point: Point) -> list[str]:
    return [_at(point), *(f"{mb:,.0f}" for mb in point.memory_mb.values())]


def _delays(point: Point, names: Sequence[str]) -> list[str]:
    found = (point.delays_ms.get(name, []) for name in names)
    return [_at(point), *(" / ".join(f"{ms:,.0f}" for ms in quantiles) for quantiles in found)]


def _figures(point: Point, names: Sequence[str]) -> list[str]:
    return [
        _at(point),
        *(f"{point.figures[name]:,.1f}" if name in point.figures else "" for name in names),
    ]


def _lines(run: Run) -> str:
    heads = ["", "processors without any", "a thousand more add", "R²"]
    heads += ["MB without any", "a thousand more add"]
    rows = []
    for name in run.points[0].cores:
        cores = run.line(cores_of(name))
        fit = run.fit(cores_of(name))
        cells = [name, f"{cores[0]:.2f}", f"{cores[1] * 1000:.4f}", f"{fit:.2f}", "", ""]
        if name in run.points[0].memory_mb:
            memory = run.line(memory_of(name))
            cells[4:] = [f"{memory[0]:,.0f}", f"{memory[1] * 1000:,.2f}"]
        rows.append(cells)
    intercept, slope = run.line(sum_of)
    cells = ["sum", f"{intercept:.2f}", f"{slope * 1000:.4f}", f"{run.fit(sum_of):.2f}", "", ""]
    return table(heads, [*rows, cells])
