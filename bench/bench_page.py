"""Benchmark of the page's memory while it stays open, on a running stack.

    .venv/bin/python -m bench.bench_page [--url http://127.0.0.1:8000] [--minutes 30]

Opens the page in a headless Chromium, and visits its tabs again and again as a reader would. After
one minute and every few minutes from then on, prints the JavaScript heap after a garbage
collection, the number of nodes in the document and the number of listeners.
"""

import argparse
import itertools
import sys
import time
from pathlib import Path

from playwright.sync_api import CDPSession, Page

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.browser import complaints, running_browser

LOOK_MS = 5_000
WARM_UP_S = 60.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--minutes", type=float, default=30)
    asked = parser.parse_args()
    with running_browser() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        said = complaints(page)
        page.goto(asked.url)
        tools = page.context.new_cdp_session(page)
        began_s, next_s = time.monotonic(), WARM_UP_S
        for place in itertools.cycle(tabs(page)):
            page.locator(place).first.click()
            page.wait_for_timeout(LOOK_MS)
            passed_s = time.monotonic() - began_s
            if passed_s >= next_s:
                print(f"{passed_s / 60:5.1f} min: {state(tools)}", flush=True)
                next_s += max(60.0, asked.minutes * 60 / 10)
            if passed_s > asked.minutes * 60:
                break
        print(f"errors of the page: {said or 'none'}")


def tabs(page: Page) -> list[str]:
    count = page.locator("nav a").count()
    return [f"nav a >> nth={n}" for n in range(count)]


def state(tools: CDPSession) -> str:
    tools.send("HeapProfiler.collectGarbage")
    heap = tools.send("Runtime.getHeapUsage")
    counts = tools.send("Memory.getDOMCounters")
    return (
        f"heap {heap['usedSize'] / 1e6:.1f} MB, {counts['nodes']} nodes, "
        f"{counts['jsEventListeners']} listeners"
    )


if __name__ == "__main__":
    main()
