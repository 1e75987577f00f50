"""`candlewick grafana`: our dashboards, alerts and data source in a Grafana."""

from typing import Annotated

import typer

from candlewick.stack.local_settings import reader_settings
from grafana.connection import connected
from grafana.deploy import Change, deploy
from schemas.setting_groups import ClickHouseSettings

grafana = typer.Typer(no_args_is_help=True, help="Dashboards and alerts in a Grafana.")
Url = Annotated[str, typer.Option(help="Grafana's address; else CANDLEWICK_GRAFANA__URL.")]
Token = Annotated[
    str,
    typer.Option(
        help="Token of a service account with the role Admin. Better CANDLEWICK_GRAFANA__TOKEN, "
        "which stays out of the shell's history.",
    ),
]
ClickHouse = Annotated[
    str,
    typer.Option("--clickhouse", help="ClickHouse's address as Grafana reaches it, if another."),
]
Webhook = Annotated[
    str, typer.Option(help="Where alerts are posted; else CANDLEWICK_GRAFANA__WEBHOOK.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would be changed.")]
SIGNS = {"create": "+", "change": "~", "keep": "="}


@grafana.callback()
def _grafana() -> None:
    """Let `deploy` be a command of its own, although it is the only one."""


@grafana.command("deploy")
def deploy_command(
    *,
    url: Url = "",
    token: Token = "",
    clickhouse: ClickHouse = "",
    webhook: Webhook = "",
    dry_run: DryRun = False,
) -> None:
    """Make data source, folder, dashboards, contact point and alerts, or bring them up to date."""
    settings = reader_settings()
    chosen, hook = url or settings.grafana.url, webhook or settings.grafana.webhook
    store = _as_grafana_sees(settings.clickhouse, clickhouse)
    counts = dict.fromkeys(SIGNS, 0)
    with connected(chosen, token or settings.grafana.token.get_secret_value()) as api:
        for change in deploy(api, chosen, store, hook, dry_run=dry_run):
            counts[change.action] += 1
            _show(change)
    would = "would be " if dry_run else ""
    typer.echo(
        f"{counts['create']} {would}made, {counts['change']} {would}changed, "
        f"{counts['keep']} as they should be"
    )
    if not hook:
        typer.echo("alerts are posted nowhere: set CANDLEWICK_GRAFANA__WEBHOOK or --webhook")


def _as_grafana_sees(store: ClickHouseSettings, url: str) -> ClickHouseSettings:
    return store.model_copy(update={"url": url}) if url else store


def _show(change: Change) -> None:
    typer.echo(f"{SIGNS[change.action]} {change.kind} {change.name}")
    for line in change.lines:
        typer.echo(f"    {line}")
