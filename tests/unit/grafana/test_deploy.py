"""`candlewick grafana deploy` against a server that speaks Grafana's API."""

from collections.abc import Iterator

import pytest
from typer.testing import CliRunner, Result

from candlewick.cli import build_app
from grafana.boards import boards
from schemas.errors import CandlewickError
from tests.support.grafana_server import TOKEN, FakeGrafana, running_grafana

THINGS = 1 + 1 + len(boards()) + 1 + 11  # data source, folder, dashboards, contact, alerts


@pytest.fixture
def grafana() -> Iterator[FakeGrafana]:
    with running_grafana() as server:
        yield server


@pytest.fixture
def deploy(grafana: FakeGrafana, monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> "Deploy":
    monkeypatch.setenv("CANDLEWICK_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("CANDLEWICK_GRAFANA__URL", grafana.url)
    monkeypatch.setenv("CANDLEWICK_GRAFANA__TOKEN", TOKEN)
    monkeypatch.setenv("CANDLEWICK_CLICKHOUSE__READER_PASSWORD", "reader-secret")
    return Deploy()


class Deploy:
    """The command, as a person gives it."""

    def __call__(self, *options: str) -> Result:
        return CliRunner().invoke(build_app(["grafana"]), ["grafana", "deploy", *options])

    def refused(self, *options: str) -> str:
        """The one line that a person sees."""
        error = self(*options).exception
        assert isinstance(error, CandlewickError), error
        return str(error)


def test_an_empty_grafana_gets_everything(deploy: Deploy, grafana: FakeGrafana) -> None:
    done = deploy("--webhook", "http://127.0.0.1:9/told")

    assert done.exit_code == 0, done.output
    assert f"{THINGS} made, 0 changed" in done.output
    assert set(grafana.dashboards) == {f"candlewick-{key}" for key in boards()}
    assert len(grafana.rules) == 11
    assert grafana.contacts["candlewick-webhook"]["settings"]["url"] == "http://127.0.0.1:9/told"
    assert grafana.sources["candlewick-clickhouse"]["jsonData"]["username"] == "reader"


def test_a_second_time_there_is_nothing_to_do(deploy: Deploy, grafana: FakeGrafana) -> None:
    deploy()
    grafana.calls.clear()

    done = deploy()

    assert f"0 made, 0 changed, {THINGS} up to date" in done.output
    assert grafana.calls == []


def test_a_dry_run_says_what_would_be_done_and_does_nothing(
    deploy: Deploy, grafana: FakeGrafana
) -> None:
    done = deploy("--dry-run")

    assert "+ dashboard Candlewick · Market" in done.output
    assert grafana.calls == []


def test_what_somebody_changed_by_hand_is_shown_and_put_back(
    deploy: Deploy, grafana: FakeGrafana
) -> None:
    deploy()
    board = grafana.dashboards["candlewick-market"]["dashboard"]
    title = board["panels"][0]["title"]
    board["panels"][0]["title"] = "Mine"
    grafana.rules["candlewick-disk"]["data"][2]["model"]["conditions"][0]["evaluator"]["params"] = [
        0.5
    ]

    shown, done = deploy("--dry-run").output, deploy().output

    assert f'panels[0].title: "Mine" → "{title}"' in shown
    assert "params[0]: 0.5 → 0.1" in shown
    assert "0 made, 2 changed" in done
    assert grafana.dashboards["candlewick-market"]["dashboard"]["panels"][0]["title"] == title


@pytest.mark.parametrize("kind", ["sources", "dashboards", "contacts", "rules"])
def test_what_grafana_made_from_files_is_said_to_be_changed_there(
    kind: str, deploy: Deploy, grafana: FakeGrafana
) -> None:
    deploy()
    for thing in getattr(grafana, kind).values():
        changed = {"sources": thing, "dashboards": thing.get("dashboard"), "contacts": thing}
        (changed.get(kind) or thing)["title" if kind in {"dashboards", "rules"} else "name"] = "?"
    grafana.from_files = True

    assert "from its provisioning files" in deploy.refused()


def test_an_alert_links_to_a_panel_of_its_dashboard(deploy: Deploy, grafana: FakeGrafana) -> None:
    deploy()

    links = {name: rule["annotations"] for name, rule in grafana.rules.items()}
    gaps = links["candlewick-gap-not-repaired"]
    panels = grafana.dashboards[gaps["__dashboardUid__"]]["dashboard"]["panels"]
    assert [p["title"] for p in panels if str(p["id"]) == gaps["__panelId__"]] == ["Gaps"]


def test_a_wrong_token_is_said_to_be_one(deploy: Deploy) -> None:
    assert "does not know the token" in deploy.refused("--token", "glsa_wrong")


def test_a_token_that_may_only_look_is_said_to_be_one(deploy: Deploy, grafana: FakeGrafana) -> None:
    grafana.role = "Viewer"

    assert "role Admin" in deploy.refused()


def test_no_token_at_all_names_the_setting(deploy: Deploy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CANDLEWICK_GRAFANA__TOKEN")

    assert "CANDLEWICK_GRAFANA__TOKEN" in deploy.refused()


@pytest.mark.parametrize(
    ("plugin", "said"), [(None, "has no plugin"), ("3.7.0", "3.7.0 is too old")]
)
def test_a_missing_or_old_plugin_is_refused_before_anything_is_written(
    deploy: Deploy, grafana: FakeGrafana, plugin: str | None, said: str
) -> None:
    grafana.plugin = plugin

    assert said in deploy.refused()
    assert grafana.calls == []


def test_an_old_grafana_is_refused(deploy: Deploy, grafana: FakeGrafana) -> None:
    grafana.version = "10.4.1"

    assert "10.4.1 is too old" in deploy.refused()


def test_no_grafana_at_the_address_is_said(deploy: Deploy) -> None:
    assert "no Grafana answers at http://127.0.0.1:9" in deploy.refused(
        "--url", "http://127.0.0.1:9"
    )
