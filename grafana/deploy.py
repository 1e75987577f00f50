"""Bring a Grafana to what the code says; a second time there is nothing to do."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from grafana_client.api import GrafanaApi
from grafana_client.client import GrafanaClientError

from grafana.connection import is_missing, translated
from grafana.datasource import PLUGIN
from grafana.differences import differences
from grafana.resources import Thing, things
from schemas.errors import ConfigurationError
from schemas.settings import ClickHouseSettings

OLDEST: Final = (11, 0)
OLDEST_PLUGIN: Final = (4, 0)


@dataclass(frozen=True, slots=True)
class Change:
    """What is, or with a dry run would be, done about one thing.

    Attributes:
        lines: What differs; none where it is new or as it should be.
    """

    kind: str
    name: str
    action: Literal["create", "change", "keep"]
    lines: tuple[str, ...] = ()


def deploy(
    api: GrafanaApi, url: str, clickhouse: ClickHouseSettings, webhook: str, *, dry_run: bool
) -> Iterator[Change]:
    """Put everything into a Grafana, and yield what was done about each thing.

    Args:
        api: Of the Grafana at ``url``.
        url: For errors.
        clickhouse: As Grafana reaches it.
        webhook: Where alerts are posted; empty for nowhere.
        dry_run: Only say what would be done.

    Raises:
        ConfigurationError: Grafana is too old, lacks the plugin, or refuses the token.
        Transient: It does not answer.
    """
    with translated(url, "list plugins"):
        _check_version(api, url)
        _check_plugin(api)
    for thing in things(api, clickhouse, webhook):
        with translated(url, f"read the {thing.kind} {thing.name}"):
            change = compared(thing)
        if not dry_run:
            with translated(url, f"write the {thing.kind} {thing.name}"):
                _apply(thing, change)
        yield change


def compared(thing: Thing) -> Change:
    """Return what is to be done about a thing; Grafana's other errors come through."""
    try:
        theirs = thing.find()
    except GrafanaClientError as error:
        if not is_missing(error):
            raise
        theirs = {}
    if not theirs:
        return Change(thing.kind, thing.name, "create")
    lines = tuple(differences(thing.ours, theirs))
    return Change(thing.kind, thing.name, "change" if lines else "keep", lines)


def _apply(thing: Thing, change: Change) -> None:
    if change.action == "create":
        thing.create()
    elif change.action == "change":
        thing.update()


def _check_version(api: GrafanaApi, url: str) -> None:
    said = api.client.GET("/health")  # needs no token, so that a wrong one is not taken for this
    version = said.get("version", "") if isinstance(said, dict) else ""
    if not version:
        raise ConfigurationError(f"what answers at {url} is no Grafana: see --url")
    if _numbers(version) < OLDEST:
        raise ConfigurationError(
            f"Grafana {version} is too old for the dashboards and alerts: update it to "
            f"{OLDEST[0]}.{OLDEST[1]} or newer"
        )


def _check_plugin(api: GrafanaApi) -> None:
    found = next((p for p in api.plugin.list() if p["id"] == PLUGIN), None)
    if found is None:
        raise ConfigurationError(
            f"Grafana has no plugin {PLUGIN}: `grafana cli plugins install {PLUGIN}` on its "
            f"machine, or GF_PLUGINS_PREINSTALL={PLUGIN} for its container; then start it again"
        )
    version = found["info"]["version"]
    if _numbers(version) < OLDEST_PLUGIN:
        raise ConfigurationError(
            f"the plugin {PLUGIN} {version} is too old: update it to {OLDEST_PLUGIN[0]}.0 or newer"
        )


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.split("-", maxsplit=1)[0].split("+", maxsplit=1)[0].split(".")
    return tuple(int(part) for part in parts[:2] if part.isdecimal())
