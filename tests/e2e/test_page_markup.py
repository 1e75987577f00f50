"""Names with markup, in every view of the page and in the documentation: they are text."""

import json
from collections.abc import Iterator

import pytest
from clickhouse_connect.driver.client import Client
from playwright.sync_api import Browser, Page, Route, expect

from api.accounts.authentication import now_ms, open_gate
from api.accounts.users import Role
from schemas.settings import Settings
from tests.support.api_stage import PASSWORD, Stage, running_stage
from tests.support.browser import empty_page

PATIENCE_MS = 30_000
NAME = '<img src=x onerror="document.title=1">ann'
# Each leaves what it stands in, another way: as an element, an attribute, a script, a template.
ENDINGS = (
    '<img src=x onerror="document.title=1">',
    '"><svg onload="document.title=1">',
    "'><script>document.title=1</script>",
    "</title></textarea></script><iframe src=javascript:parent.document.title=1>",
    "{{constructor.constructor('document.title=1')()}}",
)
TRIED = ("/v1/symbols", "/v1/coins", "/v1/gaps", "/v1/models", "/v1/scores", "/v1/users")
BUILT = "img[src=x], svg[onload], iframe, main script, [onerror], [href^='javascript:']"


def evil(place: str) -> list[str]:
    return [f"{ending}{place}{n}" for n, ending in enumerate(ENDINGS)]


@pytest.fixture(scope="module")
def stage(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    assert browser.is_connected()
    with running_stage(tmp_path_factory.mktemp("markup")) as running:
        with open_gate(Settings(data_dir=running.folder / "api")) as gate:
            gate.users.add([(NAME, Role.ADMIN, gate.passwords.hash(PASSWORD))], now_ms=now_ms())
        with running.clickhouse.client(database="candlewick") as client:
            fill(client)
        yield running


def fill(client: Client) -> None:
    """Repeat rows that are there under names that nobody would choose."""
    copies = {
        "coins": ("coin_id", "name", "ticker"),
        "gaps": ("symbol", "reason", "state"),
        "model_versions": ("model", "version", "symbol", "event", "reason"),
        "scores": ("model", "version"),
        "candles": ("symbol", "status"),
        "klines": ("symbol",),
    }
    for table, columns in copies.items():
        for n in range(len(ENDINGS)):
            names = ", ".join(f"{{{column}:String}} AS {column}" for column in columns)
            bound = {column: evil(f"{table}-{column}")[n] for column in columns}
            if table == "klines":
                bound["symbol"] = evil("candles-symbol")[n]
            client.command(
                f"INSERT INTO {table} SELECT * REPLACE ({names}) FROM {table} LIMIT 50",  # noqa: S608
                parameters=bound,
            )


@pytest.fixture
def page(browser: Browser, stage: Stage) -> Iterator[Page]:
    """The page with an admin whose name is markup; nothing may run, be asked for, or complain."""
    asked: list[str] = []
    with empty_page(browser) as (opened, found):
        opened.on("request", lambda request: asked.append(request.url))
        opened.on("dialog", lambda dialog: found.append(dialog.message))
        opened.route("**/v1/symbols", followed_with_markup)
        opened.route("**/v1/predictions/current*", models_with_markup)
        opened.goto(f"{stage.api.url}#admin")
        opened.get_by_role("button", name="Sign in").last.click()
        opened.get_by_label("Name", exact=True).fill(NAME)
        opened.get_by_label("Password", exact=True).fill(PASSWORD)
        opened.locator("dialog button.primary").click()
        expect(opened.get_by_text(f"{NAME} · sign out")).to_be_visible()
        yield opened
        built, title = opened.locator(BUILT).count(), opened.title()
    assert built == 0
    assert title != "1"
    assert [url for url in asked if url.endswith("/x")] == []


def followed_with_markup(route: Route) -> None:
    """What is followed is a setting, and markup is refused there: here the API says it is."""
    answer = route.fetch()
    rows = answer.json()["data"]
    more = [rows[0] | {"symbol": f"{name}USDT", "followed": True} for name in evil("followed")]
    route.fulfill(response=answer, body=json.dumps({"data": rows + more}))


def models_with_markup(route: Route) -> None:
    answer = route.fetch()
    said = answer.json() | {"model": evil("predicting")[0], "version": evil("version")[1]}
    route.fulfill(response=answer, body=json.dumps(said))


def shows(page: Page, *places: str) -> None:
    for place in places:
        for name in evil(place):
            expect(page.get_by_text(name).first).to_be_attached()


def test_names_of_symbols_and_models_in_the_live_view(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.api.url}#live")
    rows = page.locator(".row")
    expect(rows).to_have_count(2 + len(ENDINGS))
    for n in range(2 + len(ENDINGS)):
        rows.nth(n).click()
        expect(rows.nth(n)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("/")
    page.keyboard.type(ENDINGS[0])
    shows(page, "followed")


def test_names_of_models_in_the_scores(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.api.url}#scores")

    shows(page, "scores-model", "followed")


def test_names_of_coins_in_the_market(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.api.url}#market")

    shows(page, "coins-name")


def test_symbols_and_reasons_in_the_quality(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.api.url}#quality")

    shows(page, "gaps-reason", "gaps-symbol", "gaps-state", "candles-symbol")


def test_users_models_and_reasons_in_the_administration(page: Page) -> None:
    shows(page, *(f"model_versions-{part}" for part in ("model", "version", "symbol", "reason")))
    expect(page.locator("[data-role=users]")).to_contain_text(NAME)

    page.get_by_role("button", name="Add user").click()
    page.get_by_label("Name", exact=True).fill(NAME)
    page.get_by_label("Password, at least 12 characters", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("dialog .fault")).to_contain_text("username")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Remove").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("Their tokens end at once")


def test_answers_in_the_documentation(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.api.url}/docs")
    for path in TRIED:
        tried = page.locator("details", has=page.get_by_text(path, exact=True)).first
        tried.locator("summary").click()
        tried.get_by_role("button", name="Try it").click()

        expect(tried.locator("pre").last).to_contain_text("document.title=1")


def test_a_path_with_markup_in_the_documentation_and_in_a_problem(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.api.url}/docs#{ENDINGS[0]}")
    expect(page.locator("details").first).to_be_visible()

    page.goto(f"{stage.api.url}/{ENDINGS[0]}")
    expect(page.locator("body")).to_contain_text("not-found")
