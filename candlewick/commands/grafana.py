"""`candlewick grafana`: deploys our data source, dashboards and alerts to a Grafana."""

from dataclasses import asdict
from typing import Annotated

import typer

from candlewick.stack.local_settings import reader_settings
from candlewick.terminal.json_lines import AsJson, print_json
from grafana.connection import connected
from grafana.deploy import Change, deploy
from schemas.setting_groups import ClickHouseSettings

grafana = typer.Typer(no_args_is_help=True, help="Dashboards and alerts in a Grafana.")
Url = Annotated[str, typer.Option(help="Grafana's address; default: CANDLEWICK_GRAFANA__URL.")]
Token = Annotated[
    str,
    typer.Option(
        help="Token of a service account with the role Admin. Prefer CANDLEWICK_GRAFANA__TOKEN: "
        "it stays out of the shell's history.",
    ),
]
ClickHouse = Annotated[
    str,
    typer.Option("--clickhouse", help="ClickHouse's address for Grafana, if it differs."),
]
Webhook = Annotated[
    str, typer.Option(help="URL to post alerts to; default: CANDLEWICK_GRAFANA__WEBHOOK.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show the changes.")]
SIGNS = {"create": "+", "change": "~", "keep": "="}


@grafana.callback()
def _grafana() -> None:
    """Make typer treat `deploy` as a subcommand, although it is the only one."""


@grafana.command("deploy")
def deploy_command(
    *,
    url: Url = "",
    token: Token = "",
    clickhouse: ClickHouse = "",
    webhook: Webhook = "",
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Create or update the data source, folder, dashboards, contact point and alerts."""
    settings = reader_settings()
    chosen, hook = url or settings.grafana.url, webhook or settings.grafana.webhook
    store = _as_grafana_sees(settings.clickhouse, clickhouse)
    counts = dict.fromkeys(SIGNS, 0)
    with connected(chosen, token or settings.grafana.token.get_secret_value()) as api:
        for change in deploy(api, chosen, store, hook, dry_run=dry_run):
            counts[change.action] += 1
            if as_json:
                print_json([asdict(change)])
            else:
                _show(change)
    if as_json:
        return
    would = "would be " if dry_run else ""
    typer.echo(
        f"{counts['create']} {would}made, {counts['change']} {would}changed, "
        f"{counts['keep']} up to date"
    )
    if not hook:
        typer.echo("alerts are not posted: set CANDLEWICK_GRAFANA__WEBHOOK or --webhook")


def _as_grafana_sees(store: ClickHouseSettings, url: str) -> ClickHouseSettings:
    return store.model_copy(update={"url": url}) if url else store


def _show(change: Change) -> None:
    typer.echo(f"{SIGNS[change.action]} {change.kind} {change.name}")
    for line in change.lines:
        typer.echo(f"    {line}")
