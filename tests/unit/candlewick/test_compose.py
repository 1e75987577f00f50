"""What can be known of `docker-compose.yml` without a container engine."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from schemas.settings import known_variables, load_settings

ROOT = Path(__file__).parents[3]
PASSWORDS = (
    "CANDLEWICK_CLICKHOUSE__PASSWORD",
    "CANDLEWICK_CLICKHOUSE__READER_PASSWORD",
    "GRAFANA_ADMIN_PASSWORD",
)


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, object]]:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    found: dict[str, dict[str, object]] = yaml.safe_load(text)["services"]
    return found


def config(tmp_path: Path, *passwords: str) -> subprocess.CompletedProcess[str]:
    """Run ``podman-compose config``; the engine it looks for only has to tell its version."""
    engine = tmp_path / "podman"
    engine.write_text("#!/bin/sh\necho podman version 5.6.0\n")
    engine.chmod(0o755)
    bare = {k: v for k, v in os.environ.items() if k not in PASSWORDS}
    command = [str(Path(sys.executable).with_name("podman-compose")), "--podman-path", str(engine)]
    return subprocess.run(
        [*command, "-f", str(ROOT / "docker-compose.yml"), "config"],
        env=bare | dict.fromkeys(passwords, "chosen"),
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_file_is_valid_and_resolves(tmp_path: Path) -> None:
    done = config(tmp_path, *PASSWORDS)

    assert done.returncode == 0, done.stderr
    resolved = yaml.safe_load(done.stdout)
    assert set(resolved["services"]) >= {"kafka", "clickhouse", "stream", "candles", "sink"}


@pytest.mark.parametrize("missing", PASSWORDS)
def test_a_password_that_is_not_chosen_is_asked_for(tmp_path: Path, missing: str) -> None:
    done = config(tmp_path, *(name for name in PASSWORDS if name != missing))

    assert done.returncode != 0
    assert "choose a password" in done.stdout + done.stderr


def test_every_image_is_pinned_to_a_full_version(services: dict[str, dict[str, object]]) -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    images = [str(service["image"]) for service in services.values()]
    images += re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)

    assert all(re.search(r":v?\d+\.\d+\.\d+", image) for image in images), images


def test_no_password_stands_in_the_file(services: dict[str, dict[str, object]]) -> None:
    for service in services.values():
        environment = service.get("environment", {})
        assert isinstance(environment, dict)
        secrets = {k: str(v) for k, v in environment.items() if "PASSWORD" in k}
        assert all(value.startswith("${") and ":?" in value for value in secrets.values())


def test_our_services_are_told_settings_that_exist(services: dict[str, dict[str, object]]) -> None:
    for service in services.values():
        environment = service.get("environment", {})
        assert isinstance(environment, dict)
        ours = {name for name in environment if name.startswith("CANDLEWICK_")}
        assert ours <= set(known_variables())


def test_the_api_listens_beyond_its_container_only_as_it_says_why(
    services: dict[str, dict[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = services["api"]["environment"]
    assert isinstance(environment, dict)
    for name, value in environment.items():
        if name.startswith("CANDLEWICK_API__"):
            monkeypatch.setenv(name, "" if str(value).startswith("${") else str(value))

    api = load_settings().api

    assert api.tls_by_proxy
    assert services["api"]["ports"] == ["127.0.0.1:8000:8000"]


def test_servers_have_health_checks_and_the_rest_waits_for_them(
    services: dict[str, dict[str, object]],
) -> None:
    assert all("healthcheck" in services[name] for name in ("kafka", "clickhouse", "grafana"))
    assert services["init"]["depends_on"] == {
        "kafka": {"condition": "service_healthy"},
        "clickhouse": {"condition": "service_healthy"},
    }
    for name in ("stream", "candles", "sink"):
        assert services[name]["depends_on"] == {
            "init": {"condition": "service_completed_successfully"}
        }


@pytest.mark.parametrize("name", ["candles", "predictor", "trainer", "sink"])
def test_several_of_a_service_have_a_name_each_that_comes_from_their_containers(
    services: dict[str, dict[str, object]], name: str
) -> None:
    service = services[name]
    command = service["command"]
    assert isinstance(command, list)

    assert not {"--name", "--instance"} & set(command)
    assert not {"container_name", "hostname", "ports", "network_mode", "uts"} & set(service)
