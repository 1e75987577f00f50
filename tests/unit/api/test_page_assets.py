"""The page's files as they are served, without a server."""

import asyncio
import hashlib
import re
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from httpx import ASGITransport
from starlette.requests import Request

from api.access import find_user, offered
from api.assets import STATIC
from api.http.errors import answer_errors
from api.http.responses import accepts_gzip
from api.queries.days import day_rows, expected
from api.routes import page
from schemas.timeframe import DAY_MS

QUARTER_MS = 900_000


def get(path: str, **headers: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        app = FastAPI(docs_url=None)
        answer_errors(app)
        app.include_router(page.router)
        far = ASGITransport(app, client=("192.0.2.7", 50000))
        async with httpx.AsyncClient(transport=far, base_url="http://page") as web:
            return await web.get(path, headers=headers)

    return asyncio.run(ask())


def a_request(**headers: str) -> Request:
    pairs = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    scope = {"type": "http", "method": "GET", "path": "/", "headers": pairs}
    return Request(scope | {"client": ("192.0.2.7", 50000)})


@pytest.mark.parametrize("path", ["/", "/docs", "/static/js/main.js", "/static/css/base.css"])
def test_every_file_forbids_scripts_of_others(path: str) -> None:
    answer = get(path)

    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_file_that_the_browser_has_is_not_sent_again() -> None:
    first = get("/static/js/main.js")
    again = get("/static/js/main.js", **{"If-None-Match": first.headers["etag"]})

    assert again.status_code == 304
    assert again.content == b""
    assert first.headers["content-encoding"] == "gzip"
    assert first.headers["content-type"].startswith("text/javascript")


def test_files_of_others_are_kept_for_ever_and_ours_are_asked_for_again() -> None:
    chart = next(STATIC.glob("vendor/*/*.mjs")).relative_to(STATIC)

    assert "immutable" in get(f"/static/{chart}").headers["cache-control"]
    assert get("/").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("name", ["../app.py", "..%2fapp.py", "%2e%2e/app.py", "nothing.js", ""])
def test_nothing_but_the_pages_files_is_served(name: str) -> None:
    assert get(f"/static/{name}").status_code == 404


def test_files_of_others_are_what_their_readme_says() -> None:
    said = re.findall(r"`([\w.-]+/[\w.-]+)` \|.*\| ([0-9a-f]{64}) \|", _readme())

    assert len(said) >= 2
    for name, sha256 in said:
        assert hashlib.sha256((STATIC / "vendor" / name).read_bytes()).hexdigest() == sha256
        assert (STATIC / "vendor" / name).with_name("LICENSE").exists()


@pytest.mark.parametrize("path", sorted(STATIC.glob("*.html")), ids=lambda path: path.name)
def test_no_page_has_inline_code_or_asks_another_server(path: Path) -> None:
    text = path.read_text()

    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"\s(on\w+|style)=", text)
    assert not re.search(r'(?:src|href)="(?:https?:)?//(?!www\.tradingview\.com)', text)


def test_every_import_of_the_page_is_there() -> None:
    for path in STATIC.glob("js/**/*.js"):
        for name in re.findall(r'from "(\.[^"]+)"', path.read_text()):
            assert (path.parent / name).exists(), f"{path.name} imports {name}"


@pytest.mark.parametrize(
    ("header", "takes"),
    [("gzip, br", True), ("br;q=1, gzip;q=0.5", True), ("gzip;q=0", False), ("br", False)],
)
def test_gzip_goes_to_those_who_take_it(header: str, *, takes: bool) -> None:
    assert accepts_gzip(a_request(accept_encoding=header)) is takes


@pytest.mark.parametrize(
    ("host", "headers", "packs"),
    [
        ("127.0.0.1", {}, False),
        ("::1", {}, False),
        ("127.0.0.1", {"x_forwarded_for": "192.0.2.7"}, True),
        ("192.0.2.7", {}, True),
    ],
)
def test_nothing_is_packed_for_callers_on_this_machine(
    host: str, headers: dict[str, str], *, packs: bool
) -> None:
    request = a_request(accept_encoding="gzip", **headers)
    request.scope["client"] = (host, 50000)

    assert accepts_gzip(request) is packs


def test_only_a_websocket_may_carry_a_token_as_a_subprotocol() -> None:
    request = a_request(sec_websocket_protocol="candlewick.v1, bearer.abc")

    assert offered(request) == ["candlewick.v1", "bearer.abc"]
    with pytest.raises(StopIteration):
        find_user(request).send(None)  # nobody, and nothing was looked up


def test_a_day_expects_what_has_closed_since_the_first_candle() -> None:
    half_past = DAY_MS // 2 + QUARTER_MS // 2
    found = [{"symbol": "BTCUSDT", "day": "1970-01-01", "held": 40, "until_ms": half_past}]

    rows = list(day_rows(found, {"BTCUSDT": QUARTER_MS}, days=1, length_ms=QUARTER_MS))

    assert [(row["expected"], row["held"], row["missing"]) for row in rows] == [(47, 40, 7)]
    assert expected(1, 2 * QUARTER_MS, QUARTER_MS) == 1


def _readme() -> str:
    return (STATIC / "vendor" / "README.md").read_text()
