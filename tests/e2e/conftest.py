"""What the tests of the page share: a browser, and an API over a small market."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.support.api_stage import Stage, running_stage
from tests.support.browser import running_browser


@pytest.fixture(scope="module")
def browser(request: pytest.FixtureRequest) -> Iterator[Browser]:
    """A browser; what its pages must show may take the module's `PATIENCE_MS`."""
    expect.set_options(timeout=request.module.PATIENCE_MS)
    with running_browser() as running:
        yield running


@pytest.fixture(scope="module")
def stage(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """An API over a small market, where there is a browser."""
    assert browser.is_connected()
    with running_stage(tmp_path_factory.mktemp("stage")) as running:
        yield running
