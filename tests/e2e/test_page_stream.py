"""The page's stream in a tab that nobody sees: it is let go of, and taken up again on return."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route

from tests.support.page_alone import page_alone

PATIENCE_MS = 10_000
STREAM = "**/v1/stream"
START = """async (hidden) => {
    const { Stream } = await import("./static/js/core/stream.js");
    const timeout = window.setTimeout;
    window.setTimeout = (run, ms) => (ms < 60_000 ? timeout(run, ms) : (window.due = run, -1));
    window.isHidden = hidden;
    Object.defineProperty(document, "hidden", { get: () => window.isHidden });
    window.states = [];
    window.stream = new Stream({ onEvent: () => {}, onState: (state) => states.push(state) });
    stream.start();
}"""
TURN = """() => {
    window.isHidden = !window.isHidden;
    document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page whose stream is open, and says nothing."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    with page_alone(browser) as opened:
        opened.route(STREAM, hold)
        yield opened


def begin(page: Page, *, hidden: bool) -> None:
    with page.expect_request(STREAM):
        page.evaluate(START, hidden)


def minutes_pass(page: Page) -> None:
    with page.expect_event("requestfailed"):
        page.evaluate("() => due()")


def test_a_tab_that_nobody_sees_lets_go_of_its_stream_until_it_is_seen(page: Page) -> None:
    begin(page, hidden=False)
    page.evaluate(TURN)
    minutes_pass(page)
    assert page.evaluate("() => states") == [{"open": False, "isResting": True}]

    with page.expect_request(STREAM):
        page.evaluate(TURN)


def test_a_tab_that_is_opened_unseen_lets_go_too(page: Page) -> None:
    begin(page, hidden=True)

    minutes_pass(page)

    assert page.evaluate("() => stream.isResting")


def test_a_tab_that_is_seen_keeps_its_stream(page: Page) -> None:
    asked: list[str] = []
    begin(page, hidden=False)
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate(TURN)
    page.evaluate(TURN)

    assert not page.evaluate("() => stream.isResting")
    assert asked == []
