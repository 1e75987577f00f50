"""The API below a path of a proxy, and read by pages of other origins."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from api.accounts.users import Role
from tests.support.api_process import running_api
from tests.support.api_stage import Stage
from tests.support.browser import running_browser
from tests.support.debian import program
from tests.support.servers import free_port

PLACE = "/candlewick"
CONFIGURATION = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/errors;
events {{}}
http {{
  access_log off; proxy_temp_path {folder}/p; client_body_temp_path {folder}/b;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port};
    location {place}/ {{ proxy_pass {url}/; proxy_buffering off; }}
  }}
}}
"""


@pytest.fixture(scope="module")
def address(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("nginx")
    others = {"ROOT_PATH": PLACE, "ORIGINS": "https://one.example, https://two.example"}
    others["USERS_URL"] = stage.users_url
    with (
        running_api(folder / "api", stage.kafka, stage.clickhouse, **others) as api,
        running_nginx(folder, api.url) as url,
    ):
        yield url


@contextmanager
def running_nginx(folder: Path, url: str) -> Iterator[str]:
    nginx = program(lambda: shutil.which("nginx", path="/usr/sbin:/usr/bin"), "nginx-light")
    port = free_port()
    file = folder / "nginx.conf"
    file.write_text(CONFIGURATION.format(folder=folder, port=port, url=url, place=PLACE))
    process = subprocess.Popen([nginx, "-c", str(file), "-e", str(folder / "errors")])
    try:
        found = f"http://127.0.0.1:{port}{PLACE}"
        with httpx.Client(transport=httpx.HTTPTransport(retries=8)) as client:
            client.get(f"{found}/livez").raise_for_status()
        yield found
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.parametrize("page", ["/", "/docs"])
def test_every_address_of_a_page_leads_below_its_path(address: str, page: str) -> None:
    base = httpx.URL(address + page)
    text = httpx.get(base).raise_for_status().text
    named = {*re.findall(r'(?:href|src)="(?!https?:)([^"#]+)"', text)}

    assert len(named) > 5
    for name in named:
        assert httpx.get(base.join(name)).status_code == 200, name


def test_the_link_to_the_next_page_can_be_followed(address: str) -> None:
    found = httpx.get(f"{address}/v1/candles", params={"symbol": "BTCUSDT", "limit": 2})
    following = httpx.URL(address).join(found.links["next"]["url"])

    assert str(following).startswith(address)
    assert len(httpx.get(following).raise_for_status().json()["data"]) == 2


def test_a_training_is_found_where_its_location_says(address: str, stage: Stage) -> None:
    wish = {"symbol": "BTCUSDT", "from": "2025-01-01T00:00:00Z", "to": "2025-02-01T00:00:00Z"}
    signed_in = stage.signed_in(Role.OPERATOR)
    told = httpx.post(f"{address}/v1/models/train", json=wish, headers=signed_in)
    place = told.raise_for_status().url.join(told.headers["location"])

    assert str(place).startswith(address)
    assert httpx.get(place).raise_for_status().json()["id"] == told.json()["id"]
    assert httpx.get(address + told.json()["url"]).raise_for_status()


def test_the_page_works_below_its_path(address: str) -> None:
    asked: list[tuple[int, str]] = []
    with running_browser() as browser:
        page = browser.new_page()
        page.on("response", lambda answer: asked.append((answer.status, answer.url)))
        page.goto(f"{address}/")
        page.get_by_text("BTC").first.wait_for()
        page.goto(f"{address}/docs")
        page.get_by_text("/v1/candles").first.wait_for()

    assert {url for _, url in asked if not url.startswith(address)} == set()
    assert {url for status, url in asked if status == 404} == set()


def test_pages_of_named_origins_may_read_and_others_may_not(address: str) -> None:
    def allowed(origin: str) -> str | None:
        headers = {"Origin": origin}
        return httpx.get(f"{address}/v1/symbols", headers=headers).headers.get(
            "access-control-allow-origin"
        )

    asked = {
        "Origin": "https://two.example",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization",
    }
    ahead = httpx.options(f"{address}/v1/symbols", headers=asked)

    assert allowed("https://one.example") == "https://one.example"
    assert allowed("https://other.example") is None
    assert ahead.status_code == 200
    assert ahead.headers["access-control-allow-origin"] == "https://two.example"


def test_pages_of_named_origins_read_why_they_are_refused_and_when_to_ask_again(
    stage: Stage, tmp_path: Path
) -> None:
    few = {"ORIGINS": "https://one.example", "REQUESTS_PER_MINUTE": "1", "BODY_BYTES": "1024"}
    asked = {
        "Origin": "https://one.example",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization",
    }
    with (
        running_api(tmp_path, stage.kafka, stage.clickhouse, **few) as api,
        api.client(Origin="https://one.example") as page,
        api.client() as other,
    ):
        large = page.post("/v1/candles/search", content=b"x" * 2000)
        often = page.get("/v1/symbols")
        ahead = page.options("/v1/symbols", headers=asked)
        unnamed = other.get("/v1/symbols", headers={"Origin": "https://two.example"})

    assert (large.status_code, often.status_code, ahead.status_code) == (413, 429, 200)
    for refused in (large, often, ahead):
        assert refused.headers["access-control-allow-origin"] == "https://one.example"
    assert int(often.headers["retry-after"]) > 0
    assert "Retry-After" in often.headers["access-control-expose-headers"]
    assert unnamed.status_code == 429
    assert "access-control-allow-origin" not in unnamed.headers
