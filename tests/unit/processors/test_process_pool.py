"""The replay processes: copies of the live process at its start, processes of their own later."""

import asyncio
import subprocess
import sys
from ast import literal_eval
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import cast

import psutil
import pytest

from processors.predictor.process_pool import MOST_DEATHS, Children
from processors.versions.schedule import ModelSchedule
from schemas.settings import Settings

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


ENDED = """
import asyncio, os, signal, sys
from pathlib import Path
from processors.predictor.process_pool import Children
from processors.versions.schedule import ModelSchedule
from schemas.settings import Settings


def ended_once(settings, symbol, until_ms, changes):
    if not Path(symbol).exists():
        Path(symbol).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


async def work():
    children = Children(Settings(), ModelSchedule(), most=1, niceness=0)
    with children.needed():
        return await children.run(ended_once, sys.argv[1], 0)


if __name__ == "__main__":
    print(asyncio.run(work()), flush=True)
"""


def test_work_whose_process_is_ended_is_done_by_another(tmp_path: Path) -> None:
    script, mark = tmp_path / "ended.py", tmp_path / "begun"
    script.write_text(ENDED)
    found = subprocess.run(
        [sys.executable, str(script), str(mark)],
        check=False, capture_output=True, text=True, cwd=Path.cwd(), timeout=200,
    )  # fmt: skip

    assert found.stdout.strip() == "done", found.stderr
    assert mark.exists()


def test_work_that_ends_each_process_is_given_up() -> None:
    class Mortal(Children):
        """Starts processes that all end."""

        deaths = 0

        def start(self) -> ProcessPoolExecutor:
            self.deaths += 1
            return cast("ProcessPoolExecutor", self)

        def submit(self, *_work: object) -> Future[int]:
            found: Future[int] = Future()
            found.set_exception(BrokenProcessPool())
            return found

    children = Mortal(Settings(), ModelSchedule(), most=1, niceness=0)
    with pytest.raises(BrokenProcessPool):
        asyncio.run(children.run(lambda *_: 0, "BTCUSDT", 0))
    assert children.deaths == MOST_DEATHS
