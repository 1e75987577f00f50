"""The page when the API refuses something: it says so, and nothing of another choice stays."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from api.accounts.users import Role
from schemas import topics
from tests.support.api_market import a_prediction, a_score, keep_alive, say
from tests.support.api_stage import LATEST, PASSWORD, Stage
from tests.support.browser import role
from tests.support.chart_page import chart_page

PATIENCE_MS = 30_000


@pytest.fixture
def page(browser: Browser, stage: Stage) -> Iterator[Page]:
    """The page with a whole chart of BTCUSDT; no script may fail in it."""
    with chart_page(browser, stage) as opened:
        yield opened


def failing(page: Page, path: str, doing: Callable[[], None]) -> None:
    """Let a path be refused from now on, do something, and wait until it was refused."""

    def refuse(route: Route) -> None:
        route.fulfill(status=503, body="{}")

    page.route(path, refuse)
    with page.expect_response(lambda answer: answer.status == 503) as refused:
        doing()
    refused.value.finished()


@pytest.mark.parametrize("chosen", ["symbol", "interval"])
def test_no_candle_of_another_choice_is_shown_while_the_chosen_ones_fail(
    page: Page, stage: Stage, chosen: str
) -> None:
    def choose() -> None:
        if chosen == "symbol":
            page.locator("[data-symbol=ETHUSDT]").click()
        else:
            role(page, "interval").select_option("1h")

    failing(page, "**/v1/candles?*", choose)
    keep_alive(stage.kafka, LATEST)  # a live candle of the symbol that waits

    expect(page.locator(".legend")).to_be_empty()
    with page.expect_response(lambda answer: answer.status == 503):
        pass  # it is asked for again
    expect(page.locator(".chart .wait")).to_be_visible()
    role(page, "chart").hover()
    expect(page.locator(".legend")).to_be_empty()

    page.unroute("**/v1/candles?*")
    expect(page.locator(".legend")).to_contain_text("O ")
    expect(page.locator(".chart .wait")).to_be_hidden()


@pytest.mark.parametrize("chosen", ["ETHUSDT", "BTCUSDT"])
def test_outcomes_of_another_choice_go_and_the_next_score_reads_all_chosen_ones(
    page: Page, stage: Stage, chosen: str
) -> None:
    rows = role(page, "outcomes").locator("tr")
    expect(rows).to_have_count(4)

    def choose() -> None:
        if chosen == "ETHUSDT":
            page.locator("[data-symbol=ETHUSDT]").click()
        else:
            page.get_by_label("Minutes before the close").select_option("5")

    failing(page, "**/v1/outcomes?*", choose)
    expect(rows).to_have_count(0)
    expect(page.locator(".outcomes .empty")).to_be_hidden()  # nobody knows whether there are any

    page.unroute("**/v1/outcomes?*")
    say(stage.kafka, topics.SCORES, [a_score(a_prediction(symbol=chosen), error_bp=1.0)])
    expect(rows).to_have_count(4)
    with page.expect_request("**/v1/outcomes?*limit=8"):
        say(stage.kafka, topics.SCORES, [a_score(a_prediction(symbol=chosen), error_bp=1.0)])


@pytest.mark.parametrize("coding", ["cp1252", "utf-16"])
def test_a_file_of_users_that_is_not_utf_8_is_refused_and_may_be_mended(
    page: Page, stage: Stage, tmp_path: Path, coding: str
) -> None:
    page.goto(f"{stage.api.url}#admin")
    page.get_by_role("button", name="Sign in").last.click()
    page.get_by_label("Name", exact=True).fill(Role.ADMIN.value)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.locator("dialog button.primary").click()
    people = tmp_path / "people.csv"
    name = f"from-{coding}"
    text = f"username,role,password\n{name},viewer,größer als Zürich\n"

    people.write_text(text, encoding=coding)
    page.get_by_label("CSV of users").set_input_files(people)
    expect(page.locator("#admin .fault").first).to_contain_text("not UTF-8")
    expect(role(page, "users")).not_to_contain_text(name)

    people.write_text(text)
    page.get_by_label("CSV of users").set_input_files(people)
    expect(role(page, "users")).to_contain_text(name)
