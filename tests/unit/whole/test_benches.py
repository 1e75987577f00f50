"""`make bench` comes to its end, and what it leaves out can still run."""

import ast
import re
import subprocess
from pathlib import Path

from bench.bench_grafana import queries

ROOT = Path(__file__).parents[3]
BENCHES = sorted((ROOT / "bench").glob("bench_*.py"))


def test_make_bench_runs_every_script_but_those_that_need_a_running_stack() -> None:
    command = ["make", "--dry-run", "--no-print-directory", "bench"]
    recipe = subprocess.run(
        command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60
    ).stdout
    needing = {path.stem for path in BENCHES if "a running stack" in doc(path)}

    assert needing == {"bench_grafana", "bench_page"}
    assert set(re.findall(r"\bbench_\w+", recipe)) == {path.stem for path in BENCHES} - needing


def test_the_bench_of_the_dashboards_has_a_query_for_each_panel_that_asks_clickhouse() -> None:
    names = [name for name, _ in queries(("BTCUSDT",))]

    assert len(names) == len(set(names)) > 50
    assert [name for name in names if name.startswith("processes-")] == []


def doc(path: Path) -> str:
    """Return the first lines of a script, which say what it needs."""
    return " ".join((ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split())
