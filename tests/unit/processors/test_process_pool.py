"""The replay processes: copies of the live process at its start, processes of their own later."""

import subprocess
import sys
from ast import literal_eval
from pathlib import Path

import psutil

SCRIPT = """
import asyncio, os, time
from processors.predictor.process_pool import Children
from processors.versions.schedule import ModelSchedule
from schemas.settings import Settings

SEEN = []


def seen(settings, symbol, until_ms, changes):
    return list(SEEN), os.nice(0)


if __name__ == "__main__":
    first, later = (Children(Settings(), ModelSchedule(), most=1, niceness=n) for n in (0, 3))
    SEEN.append("imported")
    first.start()
    SEEN.append("begun")
    answers = [asyncio.run(pool.run(seen, "BTCUSDT", 0)) for pool in (first, later)]
    print([*answers, os.nice(0)], flush=True)
    time.sleep(600)
"""


def test_the_first_processes_are_copies_later_ones_are_not_and_none_outlives_the_parent(
    tmp_path: Path,
) -> None:
    script = tmp_path / "play.py"
    script.write_text(SCRIPT)
    with subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    ) as parent:
        assert parent.stdout is not None
        first, later, niceness = literal_eval(parent.stdout.readline())
        children = psutil.Process(parent.pid).children(recursive=True)
        parent.kill()

    copied = ["imported"] if sys.platform == "linux" else []
    assert (first, later) == ((copied, niceness), ([], niceness + 3))
    assert len(children) >= 2
    _, alive = psutil.wait_procs(children, timeout=20)
    assert alive == []
