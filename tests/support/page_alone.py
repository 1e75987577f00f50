"""The page without a server: a test runs single modules in a browser, and gives the answers."""

import mimetypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from playwright.sync_api import Browser, Page, Request, Route
from pydantic import BaseModel

from api.assets import STATIC
from tests.support.browser import empty_page

ORIGIN = "http://page.test"
MAIN = "/static/js/main.js"


@contextmanager
def page_alone(browser: Browser) -> Iterator[Page]:
    """The page's markup, without what its main script builds; nothing may go wrong in it."""
    with empty_page(browser) as (page, _):
        page.route(f"{ORIGIN}/**", _send_file)
        page.goto(f"{ORIGIN}/")
        yield page


def _send_file(route: Route) -> None:
    path = route.request.url.removeprefix(ORIGIN).partition("?")[0]
    file = STATIC / ("index.html" if path == "/" else path.removeprefix("/static/"))
    if path == MAIN:
        route.fulfill(body="", content_type="text/javascript")
    elif file.is_file():
        kind = "text/javascript" if file.suffix == ".mjs" else mimetypes.guess_type(file.name)[0]
        route.fulfill(body=file.read_bytes(), content_type=kind or "text/plain")
    else:
        route.fulfill(status=404, json={"detail": f"the test gives no answer for {path}"})


def query_of(request: Request) -> dict[str, str]:
    """What a request asks for behind its path."""
    return dict(parse_qsl(urlsplit(request.url).query))


def example_of(model: type[BaseModel]) -> dict[str, Any]:
    """An answer's row, as the API's document gives it."""
    extra = model.model_config["json_schema_extra"]
    assert isinstance(extra, dict)
    example = extra["example"]
    assert isinstance(example, dict)
    return dict(example)
