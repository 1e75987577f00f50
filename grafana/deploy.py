"""Deployment to a Grafana: create or change its objects until they match the code."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from grafana_client.api import GrafanaApi
from grafana_client.client import GrafanaClientError

from grafana.connection import is_missing, translated
from grafana.datasource import PLUGIN
from grafana.differences import differences
from grafana.resources import Resource, things
from schemas.errors import ConfigurationError
from schemas.settings import ClickHouseSettings

OLDEST: Final = (11, 0)
OLDEST_PLUGIN: Final = (4, 0)


@dataclass(frozen=True, slots=True)
class Change:
    """The action for one object; with a dry run, the action that would be taken.

    Attributes:
        lines: The differences; none for a new or unchanged object.
    """

    kind: str
    name: str
    action: Literal["create", "change", "keep"]
    lines: tuple[str, ...] = ()


def deploy(
    api: GrafanaApi, url: str, clickhouse: ClickHouseSettings, webhook: str, *, dry_run: bool
) -> Iterator[Change]:
    """Deploy all objects to a Grafana, and yield the change of each.

    Args:
        api: Client of the Grafana at ``url``.
        url: Address of Grafana, for errors.
        clickhouse: ClickHouse as Grafana reaches it.
        webhook: URL that alerts are posted to; empty for none.
        dry_run: Only yield the changes, without making them.

    Raises:
        ConfigurationError: Grafana is too old, lacks the plugin, or refuses the token.
        Transient: Grafana does not answer.
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


def compared(thing: Resource) -> Change:
    """Compare an object with Grafana's; errors of Grafana other than 404 are raised."""
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


def _apply(thing: Resource, change: Change) -> None:
    if change.action == "create":
        thing.create()
    elif change.action == "change":
        thing.update()


def _check_version(api: GrafanaApi, url: str) -> None:
    said = api.client.GET("/health")  # no token needed: a wrong one fails later
    version = said.get("version", "") if isinstance(said, dict) else ""
    if not version:
        raise ConfigurationError(f"the server at {url} is not a Grafana: correct --url")
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
