"""Benchmark of the cost at rest: what the default demo takes of one core and of memory.

    .venv/bin/python -m bench.bench_rest [--after 10] [--minutes 10]

Starts ``candlewick demo`` on free ports in a temporary folder, waits for the minutes in which it
fetches and scores the past, then measures. Prints a Markdown table by process: CPU time in per
cent of one core, how often its threads wait for something (voluntary switches a second), its
memory with shared pages split (`candlewick.stack.process_memory`), and its resident memory. The
processes that end or begin meanwhile, replays for example, stand together in one row.
"""

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.local_stack import name_of, running_stack
from candlewick.stack.process_memory import memory_bytes


@dataclass(slots=True)
class Cost:
    """CPU seconds and switches so far, and memory now, of processes of one name."""

    cpu_s: float = 0.0
    switches: int = 0
    memory: int = 0
    resident: int = 0

    def add(self, process: psutil.Process) -> None:
        with process.oneshot():
            times = process.cpu_times()
            self.cpu_s += times.user + times.system
            self.resident += process.memory_info().rss
        self.switches += _switches(process.pid)
        self.memory += memory_bytes(process) or 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--after", type=float, default=10)
    parser.add_argument("--minutes", type=float, default=10)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_stack("demo", Path(folder)) as demo:
        time.sleep(arguments.after * 60)
        before, began_s = costs(demo), time.monotonic()
        time.sleep(arguments.minutes * 60)
        report(before, costs(demo), time.monotonic() - began_s)


def costs(demo: psutil.Process) -> dict[str, Cost]:
    """Return the costs by name of the demo and of every process below it."""
    found: dict[str, Cost] = {}
    for process in (demo, *demo.children(recursive=True)):
        try:
            found.setdefault(name_of(process, demo), Cost()).add(process)
        except psutil.Error:
            continue
    return found


def report(before: dict[str, Cost], after: dict[str, Cost], seconds: float) -> None:
    print("| process | % of a core | waits a second | memory, MB | resident, MB |")
    print("|---|---|---|---|---|")
    total = Cost()
    used = {name: _since(before.get(name, Cost()), cost) for name, cost in after.items()}
    for name, cost in sorted(used.items(), key=lambda item: -item[1].cpu_s):
        print(_row(name, cost, seconds))
        total = Cost(
            total.cpu_s + cost.cpu_s,
            total.switches + cost.switches,
            total.memory + cost.memory,
            total.resident + cost.resident,
        )
    print(_row("**all**", total, seconds))


def _since(before: Cost, after: Cost) -> Cost:
    cpu_s, switches = after.cpu_s - before.cpu_s, after.switches - before.switches
    return Cost(max(0.0, cpu_s), max(0, switches), after.memory, after.resident)


def _row(name: str, cost: Cost, seconds: float) -> str:
    share, often = 100 * cost.cpu_s / seconds, cost.switches / seconds
    return (
        f"| {name} | {share:.1f} | {often:.0f} | "
        f"{cost.memory / 1e6:.0f} | {cost.resident / 1e6:.0f} |"
    )


def _switches(pid: int) -> int:
    count = 0
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        try:
            lines = status.read_text().splitlines()
        except OSError:
            continue
        count += sum(int(line.split()[1]) for line in lines if line.startswith("voluntary"))
    return count


if __name__ == "__main__":
    main()
